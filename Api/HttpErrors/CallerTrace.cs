using System.Diagnostics;

namespace OrleansStream.HttpErrors;

/// <summary>The trace to which a request belongs by its caller's word (https://www.w3.org/TR/trace-context/).</summary>
internal static class CallerTrace
{
    /// <summary>The caller's span.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <returns>Default when the caller has not named one, or not in the form of the standard.</returns>
    public static ActivityContext Of(IHeaderDictionary headers) =>
        headers.TraceParent is [{ } parent] && ActivityContext.TryParse(parent, headers.TraceState, isRemote: true, out var caller)
            ? caller
            : default;
}
