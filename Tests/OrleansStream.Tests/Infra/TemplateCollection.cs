namespace OrleansStream.Tests.Infra;

/// <summary>The tests that share one compilation of the templates, which takes seconds.</summary>
[CollectionDefinition(Name)]
public sealed class TemplateCollection : ICollectionFixture<TemplateFixture>
{
    public const string Name = "Templates";
}
