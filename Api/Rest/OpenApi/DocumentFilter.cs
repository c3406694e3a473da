using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.HttpErrors;
using OrleansStream.Topics;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace OrleansStream.Rest.OpenApi;

/// <summary>Gives the document what belongs to it as a whole: sections, the one error answer, the topics' settings.</summary>
/// <param name="security">How callers sign in.</param>
internal sealed class DocumentFilter(IOptions<SecurityOptions> security) : IDocumentFilter
{
    /// <summary>The component that every error answer refers to.</summary>
    public const string ErrorAnswer = nameof(Problem);

    private const string Settings = "TopicSettings";

    private static readonly Problem ErrorExample = Problems.Of(
        new StreamError(StreamErrorCode.UnknownTopicOrPartition, "There is no topic 'matches'."), traceId: "4bf92f3577b34da6a3ce929d0e0e4736");

    /// <inheritdoc/>
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        swaggerDoc.Tags = new HashSet<OpenApiTag>(Journey.Sections);
        swaggerDoc.Components ??= new OpenApiComponents();
        DescribeSignIn(swaggerDoc, security.Value);
        swaggerDoc.Components.Responses = new Dictionary<string, IOpenApiResponse>
        {
            [ErrorAnswer] = new OpenApiResponse
            {
                Description = "A failure (RFC 9457): what is wrong, with Kafka's name of the error, and whether the same request may succeed later.",
                Content = new Dictionary<string, IOpenApiMediaType>
                {
                    [Problems.MediaType] = new OpenApiMediaType
                    {
                        Schema = context.SchemaGenerator.GenerateSchema(typeof(Problem), context.SchemaRepository),
                        Example = JsonSerializer.SerializeToNode(ErrorExample, ApiJsonContext.Api.Problem),
                    },
                },
            },
        };
        var schemas = swaggerDoc.Components.Schemas!;
        schemas[Settings] = DescribeSettings();
        schemas[nameof(TopicAnswer)].Properties!["config"] = new OpenApiSchemaReference(Settings, swaggerDoc)
        {
            Description = schemas[nameof(TopicAnswer)].Properties!["config"].Description,
        };
        OpenAnswers(swaggerDoc, schemas);
    }

    private static void DescribeSignIn(OpenApiDocument document, SecurityOptions security)
    {
        if (!security.RequiresSignIn)
        {
            // Said in so many words, as a reader cannot tell an omission from a door without a lock.
            document.Security = [new OpenApiSecurityRequirement()];
            return;
        }

        var ways = new Dictionary<string, IOpenApiSecurityScheme>();
        if (security.TakesKeys)
        {
            ways["key"] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http, Scheme = "bearer", BearerFormat = "os_{id}_{secret}", Description = "An API key.",
            };
        }

        if (security.OpenIdConnect.IsSet)
        {
            ways["openIdConnect"] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.OpenIdConnect, Description = "A token of OpenID Connect.",
                OpenIdConnectUrl = new Uri($"{security.OpenIdConnect.Authority!.TrimEnd('/')}/.well-known/openid-configuration"),
            };
        }

        document.Components!.SecuritySchemes = ways;
        document.Security = [.. ways.Keys.Select(way => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(way, document)] = [] })];
    }

    /// <summary>
    /// Each setting with its own type, as it is answered. A request's are a map instead: a client generated from fields sends null for those
    /// that its caller did not set, and null puts a setting back to its default.
    /// </summary>
    private static OpenApiSchema DescribeSettings() => new()
    {
        Type = JsonSchemaType.Object,
        Description = "A topic's settings, by Kafka's names.",
        Required = new HashSet<string>(TopicSettings.All.Select(setting => setting.Name)),
        Properties = TopicSettings.All.ToDictionary(setting => setting.Name, setting => (IOpenApiSchema)new OpenApiSchema
        {
            Type = setting.IsNumber ? JsonSchemaType.Integer : JsonSchemaType.String,
            Format = setting.IsNumber ? "int64" : null,
            Description = $"{setting.Description} {char.ToUpperInvariant(setting.Allowed[0])}{setting.Allowed[1..]}.",
        }),
        AdditionalProperties = JsonKinds.Setting(),
    };

    /// <summary>A request may have no other fields than those described; an answer may get more of them, which no client has to refuse.</summary>
    private static void OpenAnswers(OpenApiDocument document, IDictionary<string, IOpenApiSchema> schemas)
    {
        var sent = new HashSet<string>();
        var found = new Stack<IOpenApiSchema>(document.Paths.Values
            .SelectMany(path => path.Operations!.Values)
            .SelectMany(operation => operation.RequestBody?.Content?.Values ?? [])
            .Select(body => body.Schema!));
        while (found.TryPop(out var schema))
        {
            if (schema is OpenApiSchemaReference { Reference.Id: { } id })
            {
                if (sent.Add(id))
                    found.Push(schemas[id]);
                continue;
            }

            foreach (var part in (schema.Properties?.Values ?? []).Concat(schema.Items is { } items ? [items] : []))
                found.Push(part);
        }

        foreach ((var name, var schema) in schemas)
        {
            if (!sent.Contains(name) && schema is OpenApiSchema { AdditionalProperties: null } answer)
                answer.AdditionalPropertiesAllowed = true;
        }
    }
}
