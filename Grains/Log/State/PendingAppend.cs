using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.State;

/// <summary>One request to append, from its admission until it is answered.</summary>
internal sealed class PendingAppend(
    AppendBatches batches, RecordBatchHeader first, LogAcks acks, long? expectedNextOffset, long admittedAt)
    : TaskCompletionSource<LogAppendResult>
{
    /// <summary>The header of the first batch, which tells the producer of all of them. Kept, as <see cref="Batches"/> are the caller's again
    /// once it has been answered.</summary>
    public RecordBatchHeader First { get; } = first;

    public AppendBatches Batches { get; } = batches;

    public LogAcks Acks { get; } = acks;

    public long? ExpectedNextOffset { get; } = expectedNextOffset;

    /// <summary>When it was admitted, as <see cref="TimeProvider.GetTimestamp"/> tells it.</summary>
    public long AdmittedAt { get; } = admittedAt;

    /// <summary>True once it has its place in a group: from then on giving up waiting leaves its outcome unknown.</summary>
    public bool IsPlaced { get; set; }

    /// <summary>True once its caller was told that nothing was stored: it must get no place any more.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>The offset of its first record; -1 when it takes no place in its group (refused, or a duplicate).</summary>
    public long BaseOffset { get; set; } = -1;

    /// <summary>What is stored for it: all its batches, or the rest of them when a crash cut an earlier try short.</summary>
    public AppendBatches Placed { get; set; } = batches;

    /// <summary>True when its answer holds only if its group becomes durable.</summary>
    public bool DependsOnGroup { get; set; }

    /// <summary>What it is answered once its group is durable.</summary>
    public LogAppendResult Result { get; set; }
}

/// <summary>Appends that go to the store in one write.</summary>
internal sealed class AppendGroup
{
    public List<PendingAppend> Appends { get; } = [];

    /// <summary>The stamped batches, back to back; empty when every append of the group was refused or a duplicate.</summary>
    public Memory<byte> Bytes { get; set; }

    public long BaseOffset { get; set; }

    public long EndOffset { get; set; }

    /// <summary>When it was begun, as <see cref="TimeProvider.GetTimestamp"/> tells it.</summary>
    public required long BeganAt { get; init; }

    public int LengthBytes => Bytes.Length;
}
