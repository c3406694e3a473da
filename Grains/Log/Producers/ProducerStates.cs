using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Producers;

/// <summary>
/// What a log remembers of idempotent producers: epoch and newest batches of each, so that a repeated batch is known again.
/// </summary>
/// <remarks>
/// Rules of KIP-98 as Kafka's <c>ProducerAppendInfo</c> has them, but that batches which follow each other without a gap are remembered
/// as one run: what a large request put into the log is known again whole. <see cref="Check"/> only looks; <see cref="Apply"/> is the
/// only mutator, the same for live appends and for recovery.
/// </remarks>
internal sealed class ProducerStates
{
    private readonly Dictionary<long, ProducerState> _states = [];

    public int Count => _states.Count;

    public bool Knows(long producerId) => _states.ContainsKey(producerId);

    /// <summary>Judges a batch; one that belongs behind others of the same group is judged with those in <paramref name="open"/>.</summary>
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

    /// <summary>The state to build on in an open group: a copy, so that a group that fails leaves no trace.</summary>
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
    /// Remembers that a batch of an unknown producer was not stored: until it comes again none that was sent after it may pass.
    /// Not durable, as the batch is not.
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

    /// <summary>Keeps the count of producers bounded; costs nothing until many more are there than are remembered.</summary>
    public void ExpireSurplus(long nowMs)
    {
        if (_states.Count > LogLimits.ProducersMax + LogLimits.ProducersSurplusMax)
            Expire(nowMs);
    }

    /// <summary>Whether there is anybody to forget.</summary>
    public bool IsExpiryDue(long nowMs) =>
        _states.Count > LogLimits.ProducersMax || _states.Values.Any(state => state.LastAtMs < OldestMs(nowMs));

    /// <summary>Forgets producers that were idle too long, and the longest idle ones above the bound.</summary>
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

internal sealed record ProducerSnapshot(int Format, List<ProducerEntry> Producers)
{
    public const int CurrentFormat = 1;
}

/// <summary>A producer as it is stored; each run of batches is first sequence, last sequence, base offset.</summary>
internal sealed record ProducerEntry(long Id, short Epoch, long At, List<long[]> Batches);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProducerSnapshot))]
internal sealed partial class ProducerJson : JsonSerializerContext;
