using OrleansStream.Gateway.Security;

namespace OrleansStream.Rest.Http;

/// <summary>The caller of a request, as <see cref="SignInMiddleware"/> found it.</summary>
internal static class Callers
{
    /// <summary>The caller of a request.</summary>
    /// <param name="context">The request, after <see cref="SignInMiddleware"/>.</param>
    public static Caller Caller(this HttpContext context) =>
        context.Features.Get<Caller>() ?? throw new InvalidOperationException($"{nameof(SignInMiddleware)} has not seen this request.");
}
