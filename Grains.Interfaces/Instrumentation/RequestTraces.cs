using System.Diagnostics;

namespace OrleansStream.Instrumentation;

/// <summary>
/// Begins the span of a request, if its trace is recorded. That is chosen before the span is made, so a request that is not recorded costs no more
/// than the choice. Safe for any thread.
/// </summary>
/// <param name="choice">Chooses; null where nobody collects traces.</param>
public sealed class RequestTraces(TraceChoice? choice = null)
{
    /// <summary>True when somebody collects traces.</summary>
    public bool IsCollected => choice is not null;

    /// <summary>Begins the span of a request.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="caller">The caller's span; default for none, and then the request begins a trace.</param>
    /// <returns>The span, which is then the current one and which its caller disposes of; null when the trace is not recorded.</returns>
    public Activity? Start(string name, ActivityContext caller = default)
    {
        if (choice is null)
            return null;
        var trace = caller.TraceId;
        if (trace == default ? !choice.TryBegin(out trace) : !choice.IsRecorded(caller))
            return null;
        // The flag tells the collector that the trace is recorded, also where the caller has not asked for it. A parent without a span gives a new
        // trace the id by which it was chosen, so that others that choose by the id choose the same.
        var parent = new ActivityContext(trace, caller.SpanId, ActivityTraceFlags.Recorded, caller.TraceState, caller.IsRemote);
        return StreamTelemetry.Traces.StartActivity(name, ActivityKind.Server, parent);
    }
}
