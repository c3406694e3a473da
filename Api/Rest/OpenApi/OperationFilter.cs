using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace OrleansStream.Rest.OpenApi;

/// <summary>Describes each endpoint by its <see cref="Operation"/>, and its errors by <see cref="ErrorMap"/>.</summary>
internal sealed class OperationFilter : IOperationFilter
{
    private static readonly HttpFault[] AnyRequest = [HttpFault.NotAcceptable];
    private static readonly HttpFault[] AnyBody = [HttpFault.UnsupportedMediaType, HttpFault.BodyTooLarge];
    private static readonly StreamErrorCode[] AnyCall =
        [StreamErrorCode.InvalidRequest, StreamErrorCode.UnknownServerError, StreamErrorCode.RequestTimedOut];

    /// <inheritdoc/>
    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        if (context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<Operation>().FirstOrDefault() is not { } source)
            return;
        operation.OperationId = source.Id;
        operation.Summary = source.Summary;
        operation.Description = source.Description;
        operation.Tags = new HashSet<OpenApiTagReference> { new(source.Tag, context.Document) };
        operation.Parameters = [.. source.Parameters.Select(Describe)];
        operation.RequestBody = source.Bodies.Count == 0 ? null : new OpenApiRequestBody
        {
            Required = !source.IsBodyOptional,
            Content = Contents(source.Bodies, context),
        };
        (operation.Extensions ??= new Dictionary<string, IOpenApiExtension>())[Journey.OrderField] = new JsonNodeExtension(Journey.PlaceOf(source));
        operation.Responses = [];
        foreach (var answer in source.Answers)
        {
            operation.Responses[answer.Status.ToString()] = new OpenApiResponse
            {
                Description = answer.Description,
                Content = Contents(answer.Bodies, context),
            };
        }

        if (source.Right.IsNone)
            operation.Security = [];
        AddErrors(operation, source, context);
    }

    private static OpenApiParameter Describe(OperationParameter parameter) => new()
    {
        Name = parameter.Name,
        In = parameter.Place switch
        {
            ParameterPlace.Path => ParameterLocation.Path,
            ParameterPlace.Query => ParameterLocation.Query,
            _ => ParameterLocation.Header,
        },
        Required = parameter.Place == ParameterPlace.Path,
        // A default in the schema is filled in by Swagger UI and sent, and a header that a body leaves no meaning for is refused.
        Description = parameter is { Place: ParameterPlace.Header, Default: { } usual } ? $"{parameter.Description} {usual} when it is left out."
            : parameter.Description,
        Example = ValueOf(parameter, parameter.Example),
        Schema = new OpenApiSchema
        {
            Type = parameter.IsInteger ? JsonSchemaType.Integer : JsonSchemaType.String,
            Format = parameter.IsInteger ? "int64" : null,
            Default = parameter.Place == ParameterPlace.Header ? null : ValueOf(parameter, parameter.Default),
            Enum = parameter.Choices.Count == 0 ? null : [.. parameter.Choices.Select(choice => (JsonNode)JsonValue.Create(choice))],
        },
    };

    private static JsonValue? ValueOf(OperationParameter parameter, string? text) =>
        text is null ? null : parameter.IsInteger ? JsonValue.Create(long.Parse(text)) : JsonValue.Create(text);

    private static Dictionary<string, IOpenApiMediaType> Contents(IReadOnlyList<OperationBody> bodies, OperationFilterContext context) =>
        bodies.ToDictionary(body => body.MediaType, IOpenApiMediaType (body) => Content(body, context));

    private static OpenApiMediaType Content(OperationBody body, OperationFilterContext context) => new()
    {
        Schema = body.Schema is { } type
            ? context.SchemaGenerator.GenerateSchema(type, context.SchemaRepository)
            : new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Format = body.MediaType is MediaTypes.Binary or MediaTypes.RecordBatch or MediaTypes.Multipart ? "binary" : null,
            },
        Example = body.Example is null ? null
            : body.Schema is null ? JsonValue.Create(body.Example)
            : JsonNode.Parse(body.Example),
    };

    // What it is called on behalf of is known by its path; where its body names topics, too, it says so itself.
    private static StreamErrorCode[] RefusalsOf(Operation source)
    {
        if (source.Right.IsNone)
            return [];
        var code = source.HasParameter(ParameterPlace.Path, "topic") ? StreamErrorCode.TopicAuthorizationFailed
            : source.HasParameter(ParameterPlace.Path, "group") ? StreamErrorCode.GroupAuthorizationFailed
            : StreamErrorCode.ClusterAuthorizationFailed;
        return [StreamErrorCode.SaslAuthenticationFailed, code];
    }

    private static void AddErrors(OpenApiOperation operation, Operation source, OperationFilterContext context)
    {
        var ofCodes = AnyCall.Concat(RefusalsOf(source)).Concat(source.Errors).Distinct()
            .Select(code => Problems.Of(new StreamError(code, "")));
        var ofFaults = AnyRequest.Concat(source.Bodies.Count > 0 ? AnyBody : [])
            .Select(fault => Problems.Of(new StreamError(StreamErrorCode.InvalidRequest, ""), fault));
        foreach (var status in ofCodes.Concat(ofFaults).GroupBy(problem => problem.Status).OrderBy(g => g.Key))
        {
            operation.Responses![status.Key.ToString()] = new OpenApiResponseReference(DocumentFilter.ErrorAnswer, context.Document)
            {
                Description = string.Join("; ", status.Select(problem => $"{problem.Title} (`{problem.ErrorCode}`)").Distinct()),
            };
        }
    }
}
