using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace OrleansStream.Api.OpenApi;

/// <summary>The sections of the page, in the order a newcomer needs them: without it each class of endpoints would be an empty one.</summary>
internal sealed class TagFilter : IDocumentFilter
{
    private static readonly (string Name, string Description)[] Tags =
    [
        ("Topics", "Create, look at, change and delete topics."),
        ("Produce", "Append records."),
        ("Fetch", "Read records by offset, by time, or live."),
        ("Groups", "Share a topic's partitions between consumers."),
        ("Health", "For supervisors and load balancers."),
    ];

    /// <inheritdoc/>
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context) => swaggerDoc.Tags =
        new HashSet<OpenApiTag>(Tags.Select(tag => new OpenApiTag { Name = tag.Name, Description = tag.Description }));
}
