using System.Diagnostics;
using System.Runtime.CompilerServices;
using OrleansStream.Instrumentation;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.State;

/// <summary>One request to append, from its admission to its answer.</summary>
internal sealed class PendingAppend(
    AppendBatches batches, RecordBatchHeader first, LogAcks acks, long? expectedNextOffset, long admittedAt)
    : TaskCompletionSource<LogAppendResult>
{
    // Boxed, because almost no append has it.
    private StrongBox<AppendBatches>? _rest;

    /// <summary>
    /// The header of the first batch; all batches are of its producer. It is a copy, because <see cref="Batches"/> belong to the caller again once
    /// the request is answered.
    /// </summary>
    public RecordBatchHeader First { get; } = first;

    public AppendBatches Batches { get; } = batches;

    public LogAcks Acks { get; } = acks;

    public long? ExpectedNextOffset { get; } = expectedNextOffset;

    /// <summary>When the request was admitted, as a timestamp of <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long AdmittedAt { get; } = admittedAt;

    /// <summary>The span from which the request came, if its trace is recorded; else null. It may have ended.</summary>
    public Activity? Span { get; } = StreamTelemetry.Recorded;

    /// <summary>True once the request has its place in a group. A caller that gives up after that does not know the outcome.</summary>
    public bool IsPlaced { get; set; }

    /// <summary>True once the caller was told that nothing was stored. The request must then get no place.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>The offset of the first record; -1 when nothing is stored for the request, because it was refused or is a duplicate.</summary>
    public long BaseOffset { get; set; } = -1;

    /// <summary>The batches to store: all of the request, or the missing ones when a crash has cut short an earlier try.</summary>
    public AppendBatches Placed => _rest?.Value ?? Batches;

    /// <summary>True when the result holds only if the group becomes durable or, where it stores nothing, this owner still owns the log.</summary>
    public bool DependsOnGroup { get; set; }

    /// <summary>The answer once the group is durable.</summary>
    public LogAppendResult Result { get; set; }

    /// <summary>
    /// True when something of it may be stored if its group is. Of an append that is refused that is not so; one that a crash has cut short says
    /// otherwise itself.
    /// </summary>
    public bool MayTakeEffect => Result.Error?.OutcomeUnknown ?? true;

    /// <summary>Has only some of the batches stored, because an earlier try has stored the others.</summary>
    /// <param name="rest">The batches that are still missing: the last ones of the request.</param>
    public void PlaceRest(AppendBatches rest) => _rest = new StrongBox<AppendBatches>(rest);
}

/// <summary>Appends that go to the store in one write.</summary>
internal sealed class AppendGroup
{
    public List<PendingAppend> Appends { get; } = [];

    /// <summary>The stamped batches, back to back; empty when every append of the group was refused or a duplicate.</summary>
    public Memory<byte> Bytes { get; set; }

    public long BaseOffset { get; set; }

    public long EndOffset { get; set; }

    /// <summary>True when an append of the group was refused by what this owner knows of the log.</summary>
    public bool HasRefused { get; set; }

    /// <summary>When the group was begun, as a timestamp of <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public required long BeganAt { get; init; }

    public int LengthBytes => Bytes.Length;
}
