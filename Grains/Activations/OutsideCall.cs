using System.Diagnostics;

namespace OrleansStream.Activations;

/// <summary>Starts work of a grain that outlives the call in which it is started.</summary>
/// <remarks>
/// A task keeps the context in which it was started. It has the call's span, and what Orleans sends along with each further call. So all that such
/// work ever calls would belong to the trace of that one request.
/// </remarks>
internal static class OutsideCall
{
    /// <summary>Runs work outside of the call. It begins at once, and stays on the grain's scheduler.</summary>
    /// <param name="work">The work.</param>
    public static async Task RunAsync(Func<Task> work)
    {
        // What an async method changes in the context ends with it, so the caller keeps its span.
        Activity.Current = null;
        RequestContext.Clear();
        await work();
    }
}
