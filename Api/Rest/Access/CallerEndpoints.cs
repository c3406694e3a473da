using OrleansStream.Contracts;
using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Http;
using OrleansStream.Security;

namespace OrleansStream.Rest.Access;

/// <summary>Tells a caller who it is, and what it may do, so that a console need not offer what would be refused.</summary>
/// <param name="access">Knows callers' rights.</param>
internal sealed class CallerEndpoints(AccessControl access)
{
    /// <summary>Ask who one is.</summary>
    public static readonly Operation Get = new(
        "getCaller", KeyEndpoints.Tag, "Ask who I am",
        "The caller as rights name it, and all that it may do: by its roles and by the rights of all its names. Where nobody signs in, that is everything.")
    {
        Right = OperationRight.SignedIn,
        Answers =
        [
            new(StatusCodes.Status200OK, "Who calls.", new OperationBody(MediaTypes.Json, typeof(CallerAnswer), """
                {"principal":"key:crawler","sign_in_required":true,"expires_at":"2036-06-01T00:00:00.000Z","rights":[{"resource":"topic","pattern":"prefix","name":"pages.","operations":["describe","read"]}]}
                """)),
        ],
    };

    /// <summary>Adds the endpoint.</summary>
    /// <param name="routes">The routes to which it is added.</param>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapOperation("GET", "/access/me", routes.ServiceProvider.GetRequiredService<CallerEndpoints>().GetAsync, Get);

    private Task GetAsync(HttpContext context)
    {
        var caller = context.Caller();
        var (rights, expiresAt) = access.DescribeRights(caller);
        var answer = new CallerAnswer
        {
            Principal = caller.Principal.ToString(),
            SignInRequired = !access.IsOpen,
            ExpiresAt = expiresAt,
            Rights = [.. rights.Select(AnswerOf)],
        };
        // It is the caller's own.
        context.Response.Headers.CacheControl = "no-store";
        return JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.CallerAnswer);
    }

    private static OwnRightEntry AnswerOf(AccessRight right) => new()
    {
        Resource = right.Kind.ToString().ToLowerInvariant(),
        Pattern = right.IsPrefix ? "prefix" : "literal",
        Name = right.Kind == ResourceKind.Cluster ? null : right.Name,
        Operations = [.. AccessJson.NamesOf(right.Operations)],
    };
}
