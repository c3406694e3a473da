using System.Text.RegularExpressions;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace OrleansStream.Rest.OpenApi;

/// <summary>
/// Takes the line ends of the source's comments out of descriptions: they say where a line of code was full. Two in a row begin a paragraph, which
/// stays.
/// </summary>
internal sealed partial class DescriptionFilter : OpenApiVisitorBase, IDocumentFilter
{
    /// <inheritdoc/>
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context) => new OpenApiWalker(this).Walk(swaggerDoc);

    /// <inheritdoc/>
    public override void Visit(IOpenApiSchema schema) => Tidy(schema);

    /// <inheritdoc/>
    public override void Visit(IOpenApiParameter parameter) => Tidy(parameter);

    /// <inheritdoc/>
    public override void Visit(IOpenApiReferenceHolder referenceHolder)
    {
        // A reference without a description of its own shows its target's, and the target is visited, too.
        if (referenceHolder is OpenApiSchemaReference { Reference.Description: not null } schema)
            Tidy(schema);
    }

    private static void Tidy(IOpenApiDescribedElement element)
    {
        if (element.Description is { } description)
            element.Description = LineEnd().Replace(description, " ");
    }

    [GeneratedRegex(@"(?<!\n)[ \t]*\r?\n(?!\s*\n)\s*")]
    private static partial Regex LineEnd();
}
