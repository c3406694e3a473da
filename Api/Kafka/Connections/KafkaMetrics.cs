using System.Diagnostics.Metrics;
using OrleansStream.Instrumentation;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Connections;

/// <summary>
/// The metrics of the Kafka endpoint, in the meter <c>OrleansStream</c>. Their tags are the APIs and error codes of the protocol and nothing that a
/// client could make up, so their number is bounded. Safe for any thread.
/// </summary>
internal sealed class KafkaMetrics : IDisposable
{
    /// <summary>The tag with the API's name.</summary>
    public const string ApiTag = "api";

    /// <summary>The tag with the name of the first error that an answer tells; <c>None</c> without one.</summary>
    public const string ErrorTag = "error";

    private readonly Counter<long> _refused, _malformed, _requests, _bytesIn, _bytesOut, _throttled;
    private readonly Counter<double> _throttleTime;
    private readonly Histogram<double> _duration;
    private long _connectionCount;

    /// <summary>Makes the instruments.</summary>
    /// <param name="meters">Makes the meter.</param>
    public KafkaMetrics(IMeterFactory? meters = null)
    {
        Meter = StreamTelemetry.MeterOf(meters);
        // Observed, so that whoever begins to collect later is told of those that are there already.
        Meter.CreateObservableUpDownCounter(
            "orleansstream.kafka.connections", () => Interlocked.Read(ref _connectionCount), "{connection}", "Connections that are served.");
        _refused = Meter.CreateCounter<long>(
            "orleansstream.kafka.connections.refused", "{connection}", "Connections that were not served, because there were too many.");
        _malformed = Meter.CreateCounter<long>(
            "orleansstream.kafka.requests.malformed", "{request}", "Requests that could not be read. Each ended its connection.");
        _requests = Meter.CreateCounter<long>(
            "orleansstream.kafka.requests", "{request}", "Requests that were handled, by API and by the first error of the answer.");
        _duration = Meter.CreateHistogram<double>(
            "orleansstream.kafka.request.duration", "s", "From a request's last byte to its answer, waits for records included.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [
                0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });
        _bytesIn = Meter.CreateCounter<long>("orleansstream.kafka.bytes.in", "By", "Bytes of requests.");
        _bytesOut = Meter.CreateCounter<long>("orleansstream.kafka.bytes.out", "By", "Bytes of answers.");
        _throttled = Meter.CreateCounter<long>("orleansstream.kafka.requests.throttled", "{request}", "Requests beyond a quota.");
        _throttleTime = Meter.CreateCounter<double>(
            "orleansstream.kafka.throttle.time", "s", "The time for which clients beyond a quota were told to wait.");
    }

    /// <summary>The meter of this service's endpoint.</summary>
    public Meter Meter { get; }

    /// <summary>Notes that a connection begins to be served.</summary>
    public void Open() => Interlocked.Increment(ref _connectionCount);

    /// <summary>Notes that it has ended.</summary>
    public void Close() => Interlocked.Decrement(ref _connectionCount);

    /// <summary>Notes that a connection is not served.</summary>
    public void Refuse() => _refused.Add(1);

    /// <summary>Notes a request that cannot be read.</summary>
    public void NoteMalformed() => _malformed.Add(1);

    /// <summary>Notes that a client has to wait.</summary>
    /// <param name="api">The API of the request that went beyond its quota.</param>
    /// <param name="wait">How long.</param>
    public void Throttle(ApiKey api, TimeSpan wait)
    {
        _throttled.Add(1, Tag(ApiTag, api.ToString()));
        _throttleTime.Add(wait.TotalSeconds);
    }

    /// <summary>Notes a request that was handled.</summary>
    /// <param name="call">The request and its answer.</param>
    /// <param name="elapsed">The time that it took.</param>
    public void Note(KafkaCall call, TimeSpan elapsed)
    {
        var api = Tag(ApiTag, call.Key.ToString());
        _requests.Add(1, api, Tag(ErrorTag, ((KafkaError)call.Answer.FirstError).ToString()));
        _duration.Record(elapsed.TotalSeconds, api);
        _bytesIn.Add(call.LengthBytes, api);
        if (!call.IsUnanswered)
            _bytesOut.Add(call.Answer.FrameBytes, api);
    }

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
