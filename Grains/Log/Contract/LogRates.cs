using OrleansStream.Rates;

namespace OrleansStream.Log.Contract;

/// <summary>The traffic of a log in one direction: counts that never fall, and mean rates over one minute and over five.</summary>
internal sealed class LogFlow(TimeProvider time)
{
    private readonly RateMeter _records1 = new(time, TimeSpan.FromMinutes(1));
    private readonly RateMeter _records5 = new(time, TimeSpan.FromMinutes(5));
    private readonly RateMeter _bytes1 = new(time, TimeSpan.FromMinutes(1));
    private readonly RateMeter _bytes5 = new(time, TimeSpan.FromMinutes(5));
    private long _records;
    private long _bytes;

    /// <summary>Counts batches. Under the log's gate.</summary>
    public void Add(long records, long bytes)
    {
        _records += records;
        _bytes += bytes;
        _records1.Add(records);
        _records5.Add(records);
        _bytes1.Add(bytes);
        _bytes5.Add(bytes);
    }

    /// <summary>The counts and rates now. Under the log's gate.</summary>
    public FlowRates Read() => new(
        _records, _bytes, _records1.PerSecond, _records5.PerSecond, _bytes1.PerSecond, _bytes5.PerSecond);
}

/// <summary>One direction of a log's traffic.</summary>
/// <param name="Records">The records since the log was opened.</param>
/// <param name="Bytes">Their bytes, as stored.</param>
/// <param name="RecordsPerSecond1">Records a second, over the last minute.</param>
/// <param name="RecordsPerSecond5">Records a second, over the last five minutes.</param>
/// <param name="BytesPerSecond1">Bytes a second, over the last minute.</param>
/// <param name="BytesPerSecond5">Bytes a second, over the last five minutes.</param>
public readonly record struct FlowRates(
    long Records, long Bytes, double RecordsPerSecond1, double RecordsPerSecond5, double BytesPerSecond1, double BytesPerSecond5);

/// <summary>The traffic of a log.</summary>
/// <param name="In">What became durable.</param>
/// <param name="Out">What was fetched; a record that is fetched twice counts twice.</param>
public readonly record struct LogRates(FlowRates In, FlowRates Out);
