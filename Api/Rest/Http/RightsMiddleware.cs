using OrleansStream.Errors;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Refuses callers that lack the right of an operation before anything else of their request is judged: a caller without the right is told 401 or
/// 403, never what is wrong with its query or body. The gateway checks all rights again where it acts.
/// </summary>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="access">Checks callers' rights.</param>
internal sealed class RightsMiddleware(RequestDelegate next, AccessControl access)
{
    /// <summary>Checks one request.</summary>
    /// <param name="context">The request, after <see cref="SignInMiddleware"/>.</param>
    /// <exception cref="StreamException">The caller has not signed in, or lacks the right.</exception>
    public Task InvokeAsync(HttpContext context)
    {
        if (!access.IsOpen && context.GetEndpoint()?.Metadata.GetMetadata<Operation>() is { Right.IsNone: false } operation)
            operation.Right.Demand(access, context, operation.Id);
        return next(context);
    }
}
