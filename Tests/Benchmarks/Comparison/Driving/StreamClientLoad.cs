using System.Buffers;
using System.Diagnostics;
using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Serialization;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Driving;

/// <summary>Load by OrleansStream.Client, as a program uses it: records one by one, with all that the client promises.</summary>
internal static class StreamClientLoad
{
    private const int ListRecords = 1_000;
    private const int ListsUnderWay = 8;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Produces as fast as it goes, record by record, and is told of failures by the flush at the end.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="value">Each record's value.</param>
    /// <param name="duration">How long.</param>
    public static async Task<LoadResult> EnqueueAsync(Service service, string topic, byte[] value, TimeSpan duration)
    {
        await using var client = Connect(service);
        await using var producer = client.CreateProducer(topic);
        var warmed = await EnqueueForAsync(WarmUp);
        var meter = new ClientMeter(service);
        var records = await EnqueueForAsync(duration);
        return meter.Read(records, double.NaN, value.Length) with { Records = warmed + records };

        async Task<long> EnqueueForAsync(TimeSpan time)
        {
            var (began, count) = (Stopwatch.GetTimestamp(), 0L);
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                for (var i = 0; i < ListRecords; i++)
                    await producer.EnqueueAsync(new OutgoingRecord<byte[]>(null, value));
                count += ListRecords;
            }

            await producer.FlushAsync();
            return count;
        }
    }

    /// <summary>Produces as fast as it goes, a list at a time, and is told each record's offset.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="value">Each record's value.</param>
    /// <param name="duration">How long.</param>
    public static async Task<LoadResult> SendListsAsync(Service service, string topic, byte[] value, TimeSpan duration)
    {
        await using var client = Connect(service);
        await using var producer = client.CreateProducer(topic);
        var list = Enumerable.Repeat(new OutgoingRecord<byte[]>(null, value), ListRecords).ToList();
        var warmed = await SendForAsync(WarmUp);
        var meter = new ClientMeter(service);
        var records = await SendForAsync(duration);
        return meter.Read(records, double.NaN, value.Length) with { Records = warmed + records };

        async Task<long> SendForAsync(TimeSpan time)
        {
            var began = Stopwatch.GetTimestamp();
            var counts = await Task.WhenAll(Enumerable.Range(0, ListsUnderWay).Select(_ => Task.Run(async () =>
            {
                var count = 0L;
                for (; Stopwatch.GetElapsedTime(began) < time; count += ListRecords)
                {
                    foreach (var result in await producer.SendAsync(list))
                    {
                        if (!result.IsStored)
                            throw new UnexpectedAnswerException($"A record is not stored: {result.Error}");
                    }
                }

                return count;
            })));
            return counts.Sum();
        }
    }

    /// <summary>Reads all records without a group.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="records">How many there are.</param>
    /// <param name="valueBytes">The length that each must have.</param>
    public static async Task<LoadResult> ReadAsync(Service service, string topic, long records, int valueBytes)
    {
        await using var client = Connect(service);
        var meter = new ClientMeter(service);
        var count = 0L;
        await foreach (var record in client.Read<int>(topic))
        {
            Check(record.Value, valueBytes);
            count++;
        }

        return count == records ? meter.Read(records, double.NaN, valueBytes) : throw new UnexpectedAnswerException($"{count} of {records} records came.");
    }

    /// <summary>Reads all records as the one member of a new group, which commits them.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="group">The group.</param>
    /// <param name="records">How many there are.</param>
    /// <param name="valueBytes">The length that each must have.</param>
    /// <param name="inJson">True to get them in JSON, as from a service that has no other form.</param>
    public static async Task<LoadResult> ConsumeAsync(Service service, string topic, string group, long records, int valueBytes, bool inJson = false)
    {
        using var jsonOnly = new JsonOnly();
        await using var client = Connect(service, inJson ? jsonOnly : null);
        using var stop = new CancellationTokenSource();
        var meter = new ClientMeter(service);
        var count = 0L;
        await client.Consume<int>(group, topic, options => options.MaxRecords = ConsumerLimits.RecordsMax).RunAsync(
            (record, _) =>
            {
                Check(record.Value, valueBytes);
                if (++count == records)
                    stop.Cancel();
                return Task.CompletedTask;
            },
            stop.Token);
        return meter.Read(records, double.NaN, valueBytes);
    }

    private static void Check(int valueBytes, int expected)
    {
        if (valueBytes != expected)
            throw new UnexpectedAnswerException($"A value of {valueBytes} bytes came.");
    }

    private static OrleansStreamClient Connect(Service service, HttpMessageHandler? handler = null)
    {
        var options = new OrleansStreamClientOptions { Endpoints = [new Uri($"http://127.0.0.1:{service.Port}")], HttpHandler = handler };
        options.Serializers.Set(new LengthSerializer());
        return new OrleansStreamClient(options);
    }

    /// <summary>Asks for no form of answer, so that it gets JSON.</summary>
    private sealed class JsonOnly() : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Accept.Clear();
            return base.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>Reads a value's length and allocates nothing: what is allocated then is the client's own.</summary>
    private sealed class LengthSerializer : ISerializer<int>
    {
        public void Serialize(int value, IBufferWriter<byte> destination) => destination.Write(new byte[value]);

        public int Deserialize(ReadOnlySpan<byte> bytes) => bytes.Length;
    }
}
