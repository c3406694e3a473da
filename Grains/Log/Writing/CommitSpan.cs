using System.Diagnostics;
using OrleansStream.Instrumentation;
using OrleansStream.Log.State;

namespace OrleansStream.Log.Writing;

/// <summary>
/// The span of the write that makes a group durable. It belongs to the first recorded trace of the group, and is linked to the others.
/// </summary>
internal static class CommitSpan
{
    /// <summary>Starts the span, if a request of the group is traced.</summary>
    /// <param name="log">The partition's folder, <c>{topicId}/{partition}</c>.</param>
    /// <param name="group">The group that is to be stored; its appends know their requests' spans.</param>
    public static Activity? Start(string log, AppendGroup group)
    {
        ActivityContext? first = null;
        List<ActivityLink>? links = null;
        foreach (var append in group.Appends)
        {
            if (append.Span?.Context is not { } trace)
                continue;
            if (first is null)
                first = trace;
            else if ((links ??= []).Count < TelemetryLimits.CommitLinksMax)
                links.Add(new ActivityLink(trace));
        }

        if (first is not { } parent)
            return null;
        var span = StreamTelemetry.Traces.StartActivity("commit", ActivityKind.Internal, parent, links: links);
        span?.SetTag("orleansstream.log", log);
        span?.SetTag("orleansstream.commit.appends", group.Appends.Count);
        span?.SetTag("orleansstream.commit.size", group.LengthBytes);
        span?.SetTag("messaging.kafka.offset", group.BaseOffset);
        return span;
    }

    /// <summary>Ends it by the outcome of the write.</summary>
    /// <param name="span">The span; null where nothing is traced.</param>
    /// <param name="stored">The outcome; null when the write has thrown, and the writer fails with it.</param>
    public static void End(Activity? span, in StoreResult? stored)
    {
        if (span is null)
            return;
        if (stored is not { } outcome)
            span.SetStatus(ActivityStatusCode.Error, "The partition's writer failed.");
        else if (outcome.Position < 0)
            span.SetStatus(ActivityStatusCode.Error, outcome.Error?.Detail ?? "The log has ended.");
        span.Dispose();
    }
}
