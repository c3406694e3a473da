using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Security;

namespace OrleansStream.Rest.Access;

/// <summary>Give, list and take away rights.</summary>
internal sealed class RightEndpoints(AccessAdministration administration)
{
    private const string RightExample = """{"principal":"key:crawler","resource":"topic","pattern":"prefix","name":"pages.","operations":["read"]}""";

    private static readonly OperationBody RightBody = new(MediaTypes.Json, typeof(RightEntry), RightExample);

    private static readonly OperationParameter[] Place =
    [
        new("principal", ParameterPlace.Query, "Who.", "key:crawler"),
        new("resource", ParameterPlace.Query, "On what.", "topic") { Choices = ["topic", "group", "cluster"] },
        new("pattern", ParameterPlace.Query, "Whether the name is a whole one, or what names begin with.", "prefix") { Choices = ["literal", "prefix"], Default = "literal" },
        new("name", ParameterPlace.Query, "The name; left out for the cluster.", "pages."),
    ];

    /// <summary>Give a right.</summary>
    public static readonly Operation Put = new(
        "giveRight", KeyEndpoints.Tag, "Give a right",
        "To a principal, on a topic, a group or the cluster: by name, or on all whose names begin with one. It takes the place of what the principal had on the same resource. "
        + "What nobody gave, nobody has. Whoever may do anything with a resource may describe it. To be a member of a group needs `read` on the group and on its topics.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Admin),
        Bodies = [new(MediaTypes.Json, typeof(RightRequest), RightExample)],
        Answers = [new(StatusCodes.Status200OK, "The right as it is now.", RightBody)],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.PolicyViolation, StreamErrorCode.KafkaStorageError],
    };

    /// <summary>List rights.</summary>
    public static readonly Operation List = new("listRights", KeyEndpoints.Tag, "List rights", "By principal and resource. Roles of keys and of tokens are not among them.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Admin),
        Parameters = [new("principal", ParameterPlace.Query, "Only this principal's.")],
        Answers = [new(StatusCodes.Status200OK, "The rights.", new OperationBody(MediaTypes.Json, typeof(RightListAnswer), $$"""{"rights":[{{RightExample}}]}"""))],
        Errors = [StreamErrorCode.KafkaStorageError],
    };

    /// <summary>Take a right away.</summary>
    public static readonly Operation Delete = new("takeRight", KeyEndpoints.Tag, "Take a right away", "Every server knows it within 10 seconds, also of requests that are under way.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Admin),
        Parameters = Place,
        Answers = [new(StatusCodes.Status204NoContent, "Taken away.")],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.ResourceNotFound, StreamErrorCode.KafkaStorageError],
    };

    public static void Map(IEndpointRouteBuilder routes)
    {
        var rights = routes.ServiceProvider.GetRequiredService<RightEndpoints>();
        routes.MapOperation("PUT", "/access/rights", rights.PutAsync, Put);
        routes.MapOperation("GET", "/access/rights", rights.ListAsync, List);
        routes.MapOperation("DELETE", "/access/rights", rights.DeleteAsync, Delete);
    }

    private async Task PutAsync(HttpContext context)
    {
        AccessRight right;
        using (var body = await RequestBody.ReadAsync(context, AccessRequestLimits.AccessBodyBytesMax))
            right = AccessJson.ParseRight(body.Json);
        await administration.GiveRightAsync(context.Caller(), right, context.RequestAborted);
        await JsonAnswer.WriteAsync(context, AnswerOf(right), ApiJsonContext.Api.RightEntry);
    }

    private async Task ListAsync(HttpContext context)
    {
        var principal = Parameters.Text(context, "principal");
        if (principal is not null && AccessNames.ValidatePrincipal(principal) is { } error)
            throw new RequestException(error);
        var rights = await administration.ListRightsAsync(context.Caller(), principal, context.RequestAborted);
        await JsonAnswer.WriteAsync(context, new RightListAnswer { Rights = [.. rights.Select(AnswerOf)] }, ApiJsonContext.Api.RightListAnswer);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        string Required(string name) => Parameters.Text(context, name) ?? throw RequestException.Malformed(name, $"'{name}' is missing.");
        // A right is found by principal and resource, so its operations do not matter.
        var right = AccessJson.RightOf(
            Required("principal"), Required("resource"), Parameters.Text(context, "pattern"), Parameters.Text(context, "name"), AccessOperations.Describe);
        await administration.TakeRightsAsync(context.Caller(), [right], context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static RightEntry AnswerOf(AccessRight right) => new()
    {
        Principal = right.Principal,
        Resource = right.Kind.ToString().ToLowerInvariant(),
        Pattern = right.IsPrefix ? "prefix" : "literal",
        Name = right.Kind == ResourceKind.Cluster ? null : right.Name,
        Operations = [.. AccessJson.NamesOf(right.Operations)],
    };
}
