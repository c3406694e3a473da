using System.Runtime.ExceptionServices;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Records;

namespace OrleansStream.Client.Reading;

/// <summary>
/// The records of one answer. Most are decoded as they are asked for, so that only a few are alive at a time: the collector would have to copy
/// those of a whole answer. Behind a record that cannot be decoded there are no more.
/// </summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
/// <param name="answer">The answer's bytes, which belong to the records from now on.</param>
/// <param name="decoder">Makes records when they are asked for.</param>
/// <param name="from">The first offset that is wanted.</param>
/// <param name="behind">The offset behind the last one that is wanted.</param>
internal sealed class FetchedRecords<T>(AnswerBuffer answer, RecordDecoder<T> decoder, long from, long behind) : IDisposable
{
    private readonly List<Part> _parts = [];
    private int _part;
    private WholeBatch? _open;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Adds a batch behind the others, if it can be decoded later: nearly all can.</summary>
    /// <param name="batch">One of the answer's.</param>
    /// <returns>
    /// False, and nothing is added, for a compressed batch, which would need memory till then, and for one that has offsets without a record: they
    /// must be known now.
    /// </returns>
    public bool TryAdd(ReadOnlyMemory<byte> batch)
    {
        if (!WholeBatch.TryOpen(batch, out var whole))
            return false;
        _parts.Add(new Part(whole, null, null));
        return true;
    }

    /// <summary>Adds records that are decoded already behind the others.</summary>
    /// <param name="records">The records, all of which are wanted.</param>
    /// <param name="failure">Why the one behind them cannot be decoded; null when it can, or there is none.</param>
    public void Add(List<ConsumedRecord<T>> records, ExceptionDispatchInfo? failure)
    {
        if (records.Count > 0 || failure is not null)
            _parts.Add(new Part(default, records, failure));
    }

    /// <summary>Takes the next records.</summary>
    /// <param name="records">
    /// Is emptied, and then holds up to <see cref="ReaderLimits.DecodedRecordsMax"/> records, or all of those that were decoded together before.
    /// </param>
    /// <returns>False when there are no more, and <paramref name="records"/> is empty.</returns>
    /// <exception cref="Exception">What the serializer threw at the next record. Those in front of it have been taken.</exception>
    public bool TryTake(List<ConsumedRecord<T>> records)
    {
        records.Clear();
        for (; _failure is null && _part < _parts.Count; _part++)
        {
            var part = _parts[_part];
            if (part.Decoded is { } decoded)
            {
                _failure = part.Failure;
                records.AddRange(decoded);
                if (records.Count == 0)
                    continue;
                _part++;
                return true;
            }

            if (TryDecode(part.Batch, records))
                return true;
        }

        _failure?.Throw();
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _part = _parts.Count;
        answer.Dispose();
    }

    private bool TryDecode(in WholeBatch whole, List<ConsumedRecord<T>> records)
    {
        try
        {
            Decode(whole, records);
        }
        catch (Exception exception)
        {
            // The records in front of it are good, and come first.
            _failure = ExceptionDispatchInfo.Capture(exception);
        }

        return records.Count > 0;
    }

    private void Decode(in WholeBatch whole, List<ConsumedRecord<T>> records)
    {
        var batch = _open ?? whole;
        var reader = batch.Read();
        while (records.Count < ReaderLimits.DecodedRecordsMax)
        {
            if (!reader.TryReadNext(out var record))
            {
                _open = null;
                if (records.Count > 0)
                    _part++;
                return;
            }

            if (record.Offset >= from && record.Offset < behind)
                records.Add(decoder.Decode(record));
        }

        batch.Pause(reader);
        _open = batch;
    }

    /// <summary>A batch, or records that are decoded already, and why the one behind them cannot be decoded.</summary>
    private readonly record struct Part(WholeBatch Batch, List<ConsumedRecord<T>>? Decoded, ExceptionDispatchInfo? Failure);
}
