using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Log;

/// <summary>
/// What a log remembers of idempotent producers: epoch and newest batches of each, so that a repeated batch is known again.
/// </summary>
/// <remarks>
/// Rules of KIP-98 as Kafka's <c>ProducerAppendInfo</c> has them. <see cref="Check"/> only looks; <see cref="Apply"/> is the only
/// mutator, the same for live appends and for recovery.
/// </remarks>
internal sealed class ProducerStates
{
    private readonly Dictionary<long, ProducerState> _states = [];

    public int Count => _states.Count;

    /// <summary>Judges a batch; one that belongs behind others of the same group is judged with those in <paramref name="open"/>.</summary>
    public ProducerVerdict Check(in RecordBatchHeader batch, ProducerStates? open = null)
    {
        if (!batch.HasProducer)
        {
            return ProducerVerdict.Next;
        }

        ProducerState? state = null;
        if (open?._states.TryGetValue(batch.ProducerId, out state) != true
            && !_states.TryGetValue(batch.ProducerId, out state))
        {
            return ProducerVerdict.Next; // nothing is remembered: any sequence may come first
        }

        return state!.Check(batch);
    }

    /// <summary>The state to build on in an open group: a copy, so that a group that fails leaves no trace.</summary>
    public void Apply(in RecordBatchHeader batch, long baseOffset, long nowMs, ProducerStates? settled = null)
    {
        if (!batch.HasProducer)
        {
            return;
        }

        if (!_states.TryGetValue(batch.ProducerId, out var state))
        {
            state = settled?._states.GetValueOrDefault(batch.ProducerId)?.Copy() ?? new ProducerState();
            _states.Add(batch.ProducerId, state);
        }

        state.Apply(batch, baseOffset, nowMs);
    }

    /// <summary>
    /// Remembers that a batch of an unknown producer was not stored: until it comes again none that was sent after it may pass.
    /// Not durable, as the batch is not.
    /// </summary>
    public void Await(in RecordBatchHeader batch, long nowMs)
    {
        if (batch.HasProducer && !_states.ContainsKey(batch.ProducerId))
        {
            _states.Add(batch.ProducerId, new ProducerState(batch.ProducerEpoch, batch.BaseSequence, nowMs));
        }
    }

    public void Clear() => _states.Clear();

    /// <summary>Forgets producers that were idle too long, and the longest idle ones above the bound.</summary>
    public void Expire(long nowMs)
    {
        var oldest = nowMs - (long)LogLimits.ProducerIdleMax.TotalMilliseconds;
        foreach (var id in _states.Where(pair => pair.Value.LastAtMs < oldest).Select(pair => pair.Key).ToArray())
        {
            _states.Remove(id);
        }

        if (_states.Count > LogLimits.ProducersMax)
        {
            var surplus = _states.Count - LogLimits.ProducersMax;
            foreach (var id in _states.OrderBy(pair => pair.Value.LastAtMs).Take(surplus).Select(pair => pair.Key).ToArray())
            {
                _states.Remove(id);
            }
        }
    }

    /// <summary>The stored form: a line with the CRC-32C of what follows, then JSON.</summary>
    public byte[] ToBytes()
    {
        var snapshot = new ProducerSnapshot(
            ProducerSnapshot.CurrentFormat,
            [.. _states.Where(pair => pair.Value.Batches.Count > 0).Select(pair => new ProducerEntry(
                pair.Key, pair.Value.Epoch, pair.Value.LastAtMs,
                [.. pair.Value.Batches.Select(b => new[] { b.FirstSequence, b.LastSequence, b.BaseOffset })]))]);
        var json = JsonSerializer.SerializeToUtf8Bytes(snapshot, ProducerJson.Default.ProducerSnapshot);
        return [.. System.Text.Encoding.ASCII.GetBytes($"{Crc32C.Compute(json):x8}\n"), .. json];
    }

    /// <summary>Reads the stored form; null when it is damaged or of another format: never an empty map in its place.</summary>
    public static ProducerStates? TryParse(ReadOnlySpan<byte> bytes)
    {
        const int LineBytes = 9;
        if (bytes.Length < LineBytes
            || !uint.TryParse(bytes[..(LineBytes - 1)], System.Globalization.NumberStyles.HexNumber, null, out var crc)
            || Crc32C.Compute(bytes[LineBytes..]) != crc)
        {
            return null;
        }

        var snapshot = JsonSerializer.Deserialize(bytes[LineBytes..], ProducerJson.Default.ProducerSnapshot);
        if (snapshot?.Format != ProducerSnapshot.CurrentFormat)
        {
            return null;
        }

        var states = new ProducerStates();
        foreach (var entry in snapshot.Producers)
        {
            states._states[entry.Id] = new ProducerState(
                entry.Epoch, entry.At, entry.Batches.Select(b => new ProducerBatch((int)b[0], (int)b[1], b[2])));
        }

        return states;
    }
}

/// <summary>What is to be done with a producer's batch.</summary>
/// <param name="Error">None to append it, or to answer a duplicate.</param>
/// <param name="DuplicateOffset">Where the same batch is stored already, or -1.</param>
/// <param name="Expected">The sequence that should have come, for the error's text.</param>
internal readonly record struct ProducerVerdict(StreamErrorCode Error, long DuplicateOffset, long Expected)
{
    public static readonly ProducerVerdict Next = new(StreamErrorCode.None, -1, -1);

    public static ProducerVerdict Duplicate(long offset) => new(StreamErrorCode.None, offset, -1);

    public static ProducerVerdict Refused(StreamErrorCode error, long expected) => new(error, -1, expected);
}

internal readonly record struct ProducerBatch(int FirstSequence, int LastSequence, long BaseOffset);

/// <summary>One producer: its epoch and newest batches, oldest first.</summary>
internal sealed class ProducerState
{
    private readonly List<ProducerBatch> _batches = new(LogLimits.ProducerBatchesMax);
    private readonly int _awaitedSequence;

    public ProducerState()
    {
    }

    /// <summary>A producer none of whose batches is stored: a sequence is awaited.</summary>
    public ProducerState(short epoch, int awaitedSequence, long lastAtMs) =>
        (Epoch, _awaitedSequence, LastAtMs) = (epoch, awaitedSequence, lastAtMs);

    public ProducerState(short epoch, long lastAtMs, IEnumerable<ProducerBatch> batches)
    {
        (Epoch, LastAtMs) = (epoch, lastAtMs);
        _batches.AddRange(batches);
    }

    public short Epoch { get; private set; } = -1;

    public long LastAtMs { get; private set; }

    public IReadOnlyList<ProducerBatch> Batches => _batches;

    public ProducerState Copy() =>
        _batches.Count == 0 ? new(Epoch, _awaitedSequence, LastAtMs) : new(Epoch, LastAtMs, _batches);

    public ProducerVerdict Check(in RecordBatchHeader batch)
    {
        if (batch.ProducerEpoch < Epoch)
        {
            return ProducerVerdict.Refused(StreamErrorCode.InvalidProducerEpoch, Epoch);
        }

        if (batch.ProducerEpoch > Epoch || _batches.Count == 0)
        {
            var first = batch.ProducerEpoch > Epoch ? 0 : _awaitedSequence;
            return batch.BaseSequence == first
                ? ProducerVerdict.Next
                : ProducerVerdict.Refused(StreamErrorCode.OutOfOrderSequenceNumber, first);
        }

        foreach (var known in _batches)
        {
            if (known.FirstSequence == batch.BaseSequence && known.LastSequence == batch.LastSequence)
            {
                return ProducerVerdict.Duplicate(known.BaseOffset);
            }
        }

        var expected = unchecked(_batches[^1].LastSequence + 1) & int.MaxValue; // wraps to 0
        if (batch.BaseSequence == expected)
        {
            return ProducerVerdict.Next;
        }

        // Sequences go round; the nearer half of the circle behind the expected one is the past.
        var back = unchecked(expected - batch.BaseSequence) & int.MaxValue;
        return ProducerVerdict.Refused(
            back <= int.MaxValue / 2 ? StreamErrorCode.DuplicateSequenceNumber : StreamErrorCode.OutOfOrderSequenceNumber,
            expected);
    }

    public void Apply(in RecordBatchHeader batch, long baseOffset, long nowMs)
    {
        if (batch.ProducerEpoch != Epoch)
        {
            _batches.Clear();
            Epoch = batch.ProducerEpoch;
        }

        if (_batches.Count == LogLimits.ProducerBatchesMax)
        {
            _batches.RemoveAt(0);
        }

        _batches.Add(new ProducerBatch(batch.BaseSequence, batch.LastSequence, baseOffset));
        LastAtMs = nowMs;
    }
}

internal sealed record ProducerSnapshot(int Format, List<ProducerEntry> Producers)
{
    public const int CurrentFormat = 1;
}

/// <summary>A producer as it is stored; a batch is first sequence, last sequence, base offset.</summary>
internal sealed record ProducerEntry(long Id, short Epoch, long At, List<long[]> Batches);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProducerSnapshot))]
internal sealed partial class ProducerJson : JsonSerializerContext;
