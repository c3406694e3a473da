using Confluent.Kafka;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Driving;

/// <summary>Confluent.Kafka's producer, which sends each record at once (<c>linger.ms=0</c>), and its consumer.</summary>
internal sealed class ClientDoor : IDoor
{
    private static readonly TimeSpan RecordMax = TimeSpan.FromSeconds(30);
    private readonly IProducer<Null, byte[]> _producer;
    private readonly IConsumer<Ignore, byte[]> _consumer;
    private readonly TopicPartition _partition;
    private readonly Message<Null, byte[]> _message;
    private Task<DeliveryResult<Null, byte[]>>? _produced;
    private long _next = -1;

    /// <summary>Makes both.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic; partition 0 is used.</param>
    /// <param name="value">Each record's value.</param>
    public ClientDoor(Service service, string topic, byte[] value)
    {
        var servers = $"127.0.0.1:{service.KafkaPort}";
        _partition = new TopicPartition(topic, 0);
        _message = new Message<Null, byte[]> { Value = value };
        _producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig { BootstrapServers = servers, Acks = Acks.All, LingerMs = 0 }).Build();
        _consumer = new ConsumerBuilder<Ignore, byte[]>(
            new ConsumerConfig { BootstrapServers = servers, GroupId = "latency", EnableAutoCommit = false }).Build();
    }

    /// <inheritdoc/>
    public string Name => "Confluent.Kafka";

    /// <summary>Sends a record and waits until it is durable; nobody consumes meanwhile.</summary>
    /// <returns>Its offset.</returns>
    public long Produce()
    {
        _consumer.Unassign();
        _next = -1;
        BeginProduce();
        return EndProduce();
    }

    /// <inheritdoc/>
    public void BeginProduce() => _produced = _producer.ProduceAsync(_partition, _message);

    /// <inheritdoc/>
    public long EndProduce() => _produced!.GetAwaiter().GetResult().Offset;

    /// <inheritdoc/>
    public void BeginConsume(long offset)
    {
        // The consumer reads on by itself; it is told where to begin when records came that it was not asked for.
        if (_next != offset)
            _consumer.Assign(new TopicPartitionOffset(_partition, offset));
        _next = offset + 1;
    }

    /// <inheritdoc/>
    public long EndConsume() => _consumer.Consume(RecordMax)?.Offset ?? throw new UnexpectedAnswerException("The consumer was given no record.");

    /// <inheritdoc/>
    public void Dispose()
    {
        _producer.Dispose();
        _consumer.Dispose();
    }
}
