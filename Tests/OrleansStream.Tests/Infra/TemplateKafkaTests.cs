using Microsoft.Extensions.Configuration;
using OrleansStream.Kafka.Brokers;

namespace OrleansStream.Tests.Infra;

/// <summary>Kafka's protocol where the templates are deployed: off, or private to the environment.</summary>
[Collection(TemplateCollection.Name)]
public sealed class TemplateKafkaTests(TemplateFixture templates)
{
    private const string Prefix = "OrleansStream__Kafka__";

    [Fact]
    public void Api_WhereItIsNotAskedFor_HasNoPortForIt()
    {
        Assert.All((Deployment[])[templates.Production, templates.Development], deployment =>
        {
            Assert.False(Bind(deployment.Api).Enabled);
            Assert.Null(deployment.Api.Ingress["additionalPortMappings"]);
        });
    }

    [Fact]
    public void Api_WhereItIsAskedFor_ListensWhereTheEnvironmentReachesItAndNobodyElse()
    {
        var api = templates.Upgrading.Api;
        var options = Bind(api);
        var port = Assert.Single(api.Ingress["additionalPortMappings"]!.AsArray())!;

        Assert.True(options.Enabled);
        Assert.False((bool)port["external"]!);
        Assert.Equal($"*:{port["targetPort"]}", options.Listen);
        // In the environment an app is reached by its name.
        Assert.Equal((api.Name, (int)port["exposedPort"]!), (options.AdvertisedHost, options.AdvertisedPort));
        Assert.Null(new KafkaOptionsValidator().Validate(name: null, options).Failures);
    }

    [Fact]
    public void Silos_NeverServeIt() => Assert.All(templates.Upgrading.Silos, silo => Assert.False(Bind(silo).Enabled));

    private static KafkaOptions Bind(ContainerApp app)
    {
        var options = new KafkaOptions();
        new ConfigurationBuilder()
            .AddInMemoryCollection(app.Environment.Where(setting => setting.Key.StartsWith(Prefix, StringComparison.Ordinal))
                .Select(setting => KeyValuePair.Create(setting.Key[Prefix.Length..], (string?)setting.Value)))
            .Build().Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        return options;
    }
}
