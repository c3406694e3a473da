using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Producers;

/// <summary>
/// What a log remembers of idempotent producers: the epoch and the newest batches of each. By it the log recognizes a batch that is sent again.
/// </summary>
/// <remarks>
/// The rules are those of KIP-98, as in Kafka's <c>ProducerAppendInfo</c>, with one difference: batches that follow each other without a gap are
/// remembered as one run, so that a large request which is sent again is recognized as a whole. <see cref="Check"/> changes nothing.
/// <see cref="Apply"/> adds batches, for live appends and for recovery alike.
/// </remarks>
internal sealed class ProducerStates
{
    private readonly Dictionary<long, ProducerState> _states = [];

    public int Count => _states.Count;

    public bool Knows(long producerId) => _states.ContainsKey(producerId);

    /// <summary>
    /// Judges a batch. The producers' states in <paramref name="open"/>, those of the group that the batch joins, come before the settled
    /// ones.
    /// </summary>
    public ProducerVerdict Check(in RecordBatchHeader batch, ProducerStates? open = null)
    {
        if (!batch.HasProducer)
            return ProducerVerdict.Next;

        ProducerState? state = null;
        if (open?._states.TryGetValue(batch.ProducerId, out state) != true
            && !_states.TryGetValue(batch.ProducerId, out state))
        {
            return ProducerVerdict.Next; // nothing is remembered: any sequence may come first
        }

        return state!.Check(batch);
    }

    /// <summary>Adds a batch. In an open group it is added to a copy of the settled state, so that a group that fails leaves no trace.</summary>
    public void Apply(in RecordBatchHeader batch, long baseOffset, long nowMs, ProducerStates? settled = null)
    {
        if (!batch.HasProducer)
            return;

        if (!_states.TryGetValue(batch.ProducerId, out var state))
        {
            state = settled?._states.GetValueOrDefault(batch.ProducerId)?.CopyFor(batch.ProducerEpoch) ?? new ProducerState();
            _states.Add(batch.ProducerId, state);
        }

        state.Apply(batch, baseOffset, nowMs);
    }

    /// <summary>
    /// Remembers that a batch of an unknown producer was not stored. Until that batch comes again, no batch that was sent after it may pass. This is
    /// kept in memory only, like the failed batch.
    /// </summary>
    public void Await(in RecordBatchHeader batch, long nowMs)
    {
        if (batch.HasProducer && !_states.ContainsKey(batch.ProducerId))
        {
            ExpireSurplus(nowMs);
            _states.Add(batch.ProducerId, new ProducerState(batch.ProducerEpoch, batch.BaseSequence, nowMs));
        }
    }

    public void Clear() => _states.Clear();

    /// <summary>Forgets producers when there are far too many; costs nothing before.</summary>
    public void ExpireSurplus(long nowMs)
    {
        if (_states.Count > LogLimits.ProducersMax + LogLimits.ProducersSurplusMax)
            Expire(nowMs);
    }

    /// <summary>Whether <see cref="Expire"/> would forget any producer.</summary>
    public bool IsExpiryDue(long nowMs) =>
        _states.Count > LogLimits.ProducersMax || _states.Values.Any(state => state.LastAtMs < OldestMs(nowMs));

    /// <summary>Forgets producers that have been idle too long, and those idle longest above the bound.</summary>
    public void Expire(long nowMs)
    {
        foreach (var id in _states.Where(pair => pair.Value.LastAtMs < OldestMs(nowMs)).Select(pair => pair.Key).ToArray())
            _states.Remove(id);

        if (_states.Count > LogLimits.ProducersMax)
        {
            var surplus = _states.Count - LogLimits.ProducersMax;
            foreach (var id in _states.OrderBy(pair => pair.Value.LastAtMs).Take(surplus).Select(pair => pair.Key).ToArray())
                _states.Remove(id);
        }
    }

    private static long OldestMs(long nowMs) => nowMs - (long)LogLimits.ProducerIdleMax.TotalMilliseconds;

    /// <summary>The stored form: a line with the CRC-32C of what follows, then JSON.</summary>
    public byte[] ToBytes()
    {
        var snapshot = new ProducerSnapshot(
            ProducerSnapshot.CurrentFormat,
            [.. _states.Where(pair => pair.Value.Runs.Count > 0).Select(pair => new ProducerEntry(
                pair.Key, pair.Value.Epoch, pair.Value.LastAtMs,
                [.. pair.Value.Runs.Select(run => new[] { run.FirstSequence, run.LastSequence, run.BaseOffset })]))]);
        var json = JsonSerializer.SerializeToUtf8Bytes(snapshot, ProducerJson.Default.ProducerSnapshot);
        return [.. System.Text.Encoding.ASCII.GetBytes($"{Crc32C.Compute(json):x8}\n"), .. json];
    }

    /// <summary>Reads the stored form. Returns null, never an empty map, when it is damaged or of another format.</summary>
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
            return null;

        var states = new ProducerStates();
        foreach (var entry in snapshot.Producers)
        {
            states._states[entry.Id] = new ProducerState(
                entry.Epoch, entry.At, entry.Batches.Select(run => new ProducerRun((int)run[0], (int)run[1], run[2])));
        }

        return states;
    }
}

/// <summary>What to do with a producer's batch.</summary>
/// <param name="Error"><see cref="StreamErrorCode.None"/> when the batch is to be appended, or is a duplicate.</param>
/// <param name="DuplicateOffset">The offset at which the same batch is stored already, or -1.</param>
/// <param name="Expected">The sequence that should have come, for the error's text.</param>
internal readonly record struct ProducerVerdict(StreamErrorCode Error, long DuplicateOffset, long Expected)
{
    public static readonly ProducerVerdict Next = new(StreamErrorCode.None, -1, -1);

    public static ProducerVerdict Duplicate(long offset) => new(StreamErrorCode.None, offset, -1);

    public static ProducerVerdict Refused(StreamErrorCode error, long expected) => new(error, -1, expected);
}

internal sealed record ProducerSnapshot(int Format, List<ProducerEntry> Producers)
{
    public const int CurrentFormat = 1;
}

/// <summary>The stored form of a producer. Each run of batches is its first sequence, last sequence and base offset.</summary>
internal sealed record ProducerEntry(long Id, short Epoch, long At, List<long[]> Batches);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProducerSnapshot))]
internal sealed partial class ProducerJson : JsonSerializerContext;
