using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Connections;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Kafka;

/// <summary>The endpoint's metrics, as whoever collects the meter <c>OrleansStream</c> sees them.</summary>
public sealed class KafkaMetricsTests : IAsyncLifetime
{
    private static readonly string BootstrapKey = "os_bootstrap_" + new string('a', 64);

    private readonly ConcurrentDictionary<string, double> _sums = new();
    private readonly MeterListener _listener = new();
    private readonly ApiFixture _api = new(TimeProvider.System, services => services
        .Configure<KafkaOptions>(kafka => (kafka.Enabled, kafka.Listen) = (true, KafkaFixture.AnyPort))
        .Configure<SecurityOptions>(security => security.BootstrapKey = BootstrapKey)
        .Configure<QuotaOptions>(quota => quota.RequestsPerSecond = 2));

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Client.DefaultRequestHeaders.Authorization = new("Bearer", BootstrapKey);
        var metrics = _api.Part<KafkaMetrics>();
        // Other tests' services have meters of the same name.
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == metrics.Meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return _api.DisposeAsync();
    }

    [Fact]
    public async Task Metrics_OfAClient_TellWhatItDid()
    {
        var topic = await _api.CreateTopicAsync();
        using (var producer = new ProducerBuilder<Null, string>(ConfigOf()).SetLogHandler((_, _) => { }).Build())
        {
            await producer.ProduceAsync(topic, new Message<Null, string> { Value = new string('v', 1_000) });
            var audit = new TopicPartition("__audit", 0);
            await Assert.ThrowsAsync<ProduceException<Null, string>>(() => producer.ProduceAsync(audit, new Message<Null, string> { Value = "a" }));
            Assert.InRange(Connections(), 1, 3);
            await Wait.UntilAsync("a request was throttled", () => _sums.GetValueOrDefault("orleansstream.kafka.throttle.time") > 0);
        }

        await Wait.UntilAsync("its connections have ended", () => Connections() == 0);
        Assert.Equal(1, _sums["orleansstream.kafka.requests api=Produce error=None"]);
        Assert.Contains(
            _sums,
            sum => sum.Key.StartsWith("orleansstream.kafka.requests api=", StringComparison.Ordinal)
                && sum.Key.EndsWith(" error=TopicAuthorizationFailed", StringComparison.Ordinal));
        Assert.InRange(_sums["orleansstream.kafka.bytes.in api=Produce"], 1_000, 5_000);
        Assert.InRange(_sums["orleansstream.kafka.bytes.out api=Produce"], 1, 1_000);
        Assert.True(_sums["orleansstream.kafka.request.duration api=Produce"] > 0);
        Assert.Contains(_sums, sum => sum.Key.StartsWith("orleansstream.kafka.requests.throttled api=", StringComparison.Ordinal) && sum.Value >= 1);
    }

    [Fact]
    public async Task Metrics_OfWhatCannotBeRead_CountIt()
    {
        using var socket = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        await socket.SendRawAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());

        await Wait.UntilAsync("it is counted", () => _sums.GetValueOrDefault("orleansstream.kafka.requests.malformed") == 1);
    }

    private ProducerConfig ConfigOf() => new()
    {
        BootstrapServers = _api.Part<LocalBroker>().Bound!.ToString(), SecurityProtocol = SecurityProtocol.SaslPlaintext,
        SaslMechanism = SaslMechanism.Plain, SaslUsername = "$ApiKey", SaslPassword = BootstrapKey, MessageTimeoutMs = 20_000, LingerMs = 0,
    };

    private double Connections()
    {
        const string name = "orleansstream.kafka.connections";
        _sums.TryRemove(name, out _);
        _listener.RecordObservableInstruments();
        return _sums[name];
    }

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var key = instrument.Name;
        foreach (var (name, tag) in tags)
            key += $" {name}={tag}";
        _sums.AddOrUpdate(key, value, (_, sum) => sum + value);
    }
}
