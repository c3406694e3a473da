using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Failover;

/// <summary>The members of a group: what they are called, and how they share the partitions.</summary>
/// <param name="Group">The group.</param>
/// <param name="Protocol">Its protocol.</param>
/// <param name="Strategy">How the members of a classic group share; null for one of KIP-848.</param>
internal sealed record LoadedGroup(string Group, GroupProtocol Protocol, PartitionAssignmentStrategy? Strategy);

/// <summary>
/// Confluent.Kafka's idempotent producers, with five requests in flight, and members of groups, who go on whatever becomes of the brokers and write
/// down what they see.
/// </summary>
internal sealed class KafkaLoad : IAsyncDisposable
{
    private const int ProducerCount = 4;

    // Steady, and not as much as the machine bears: it would slow down the failure detector.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan CommitPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ConsumePeriod = TimeSpan.FromMilliseconds(100);

    private readonly string _bootstrap;
    private readonly string _topic;
    private readonly KafkaHistory _history;
    private readonly CancellationTokenSource _producing = new(), _consuming = new();
    private readonly List<Task> _producers, _members;

    /// <summary>Begins.</summary>
    public KafkaLoad(string bootstrap, string topic, int partitions, IReadOnlyList<LoadedGroup> groups, int membersEach, KafkaHistory history)
    {
        (_bootstrap, _topic, _history) = (bootstrap, topic, history);
        _producers = [.. Enumerable.Range(0, ProducerCount).Select(producer => Task.Run(() =>
            ProduceAsync([.. Enumerable.Range(0, partitions).Where(partition => partition % ProducerCount == producer)])))];
        // Consumers block the threads they are polled on.
        _members = [.. groups.SelectMany(group => Enumerable.Range(0, membersEach).Select(member => Task.Factory.StartNew(
            () => ConsumeGuarded(group, $"member {member}"), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)))];
    }

    /// <summary>Ends the producers, once all that they have sent is acknowledged.</summary>
    public async Task StopProducingAsync()
    {
        await _producing.CancelAsync();
        await Task.WhenAll(_producers);
    }

    /// <summary>Ends the members.</summary>
    public async Task StopConsumingAsync()
    {
        await _consuming.CancelAsync();
        await Task.WhenAll(_members);
    }

    public async ValueTask DisposeAsync()
    {
        await _producing.CancelAsync();
        await _consuming.CancelAsync();
        await Task.WhenAll([.. _producers, .. _members]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _producing.Dispose();
        _consuming.Dispose();
    }

    private async Task ProduceAsync(int[] partitions)
    {
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig
        {
            BootstrapServers = _bootstrap,
            EnableIdempotence = true,
            MaxInFlight = 5,
            LingerMs = 1,
            MessageTimeoutMs = 120_000,
            RequestTimeoutMs = 5_000,
            SocketTimeoutMs = 5_000,
            ReconnectBackoffMaxMs = 500,
            TopicMetadataRefreshIntervalMs = 2_000,
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, error) => NoteFatal("a producer", error)).Build();
        try
        {
            for (var number = 0L; !_producing.IsCancellationRequested; number++)
            {
                foreach (var partition in partitions)
                    Send(producer, partition, number);
                await Pacing.Real.PassAtMostAsync(Pace, _producing.Token);
            }
        }
        catch (ProduceException<Null, string>)
        {
            // The producer has failed for good, as its handler of errors was told. What it has sent is judged all the same.
        }

        producer.Flush(TimeSpan.FromSeconds(60));
    }

    private void Send(IProducer<Null, string> producer, int partition, long number) => producer.Produce(
        new TopicPartition(_topic, partition),
        new Message<Null, string> { Value = number.ToString(CultureInfo.InvariantCulture) },
        report =>
        {
            if (report.Error.IsError)
                _history.Failed($"record {number} of partition {partition} was not stored: {report.Error.Reason}");
            else
                _history.Acked(partition, report.Offset.Value, number, Stopwatch.GetTimestamp());
        });

    private void ConsumeGuarded(LoadedGroup group, string member)
    {
        try
        {
            Consume(group, member);
        }
        catch (KafkaException exception)
        {
            _history.Failed($"{group.Group}, {member}: {exception.Error.Reason}");
        }
    }

    private void Consume(LoadedGroup group, string member)
    {
        var turns = new Dictionary<int, Turn>();
        using var consumer = Build(group, member, turns);
        consumer.Subscribe(_topic);
        var done = new Dictionary<int, long>();
        var committedAt = Stopwatch.GetTimestamp();
        while (!_consuming.IsCancellationRequested)
        {
            try
            {
                if (consumer.Consume(ConsumePeriod) is { } read && turns.TryGetValue(read.Partition.Value, out var turn))
                {
                    _history.Read(turn, read.Offset.Value, long.Parse(read.Message.Value, CultureInfo.InvariantCulture), Stopwatch.GetTimestamp());
                    done[read.Partition.Value] = read.Offset.Value + 1;
                }
            }
            catch (ConsumeException exception) when (!exception.Error.IsFatal)
            {
                // It goes on by itself.
            }

            if (Stopwatch.GetElapsedTime(committedAt) < CommitPeriod)
                continue;
            Commit(consumer, group.Group, member, turns, done);
            committedAt = Stopwatch.GetTimestamp();
        }

        Commit(consumer, group.Group, member, turns, done);
        consumer.Close();
    }

    private IConsumer<Null, string> Build(LoadedGroup group, string member, Dictionary<int, Turn> turns)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = _bootstrap,
            GroupId = group.Group,
            GroupProtocol = group.Protocol,
            PartitionAssignmentStrategy = group.Strategy,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoCommit = false,
            FetchWaitMaxMs = 200,
            SocketTimeoutMs = 5_000,
            ReconnectBackoffMaxMs = 500,
            TopicMetadataRefreshIntervalMs = 2_000,
        };
        if (group.Protocol == GroupProtocol.Classic)
            (config.SessionTimeoutMs, config.HeartbeatIntervalMs) = (20_000, 500);
        return new ConsumerBuilder<Null, string>(config)
            .SetLogHandler((_, _) => { })
            .SetErrorHandler((_, error) => NoteFatal($"{group.Group}, {member}", error))
            .SetPartitionsAssignedHandler((_, given) =>
            {
                foreach (var partition in given)
                    turns[partition.Partition.Value] = _history.Began(group.Group, member, partition.Partition.Value, Stopwatch.GetTimestamp());
            })
            .SetPartitionsRevokedHandler((_, taken) => Forget(taken))
            .SetPartitionsLostHandler((_, taken) => Forget(taken))
            .Build();

        void Forget(List<TopicPartitionOffset> taken)
        {
            foreach (var partition in taken)
                turns.Remove(partition.Partition.Value);
        }
    }

    private void Commit(IConsumer<Null, string> consumer, string group, string member, Dictionary<int, Turn> turns, Dictionary<int, long> done)
    {
        TopicPartitionOffset[] offsets = [
            .. done.Where(one => turns.ContainsKey(one.Key)).Select(one => new TopicPartitionOffset(_topic, one.Key, one.Value))];
        done.Clear();
        if (offsets.Length == 0)
            return;
        var began = Stopwatch.GetTimestamp();
        try
        {
            consumer.Commit(offsets);
        }
        catch (KafkaException)
        {
            // Whoever gets the partitions reads these records again.
            return;
        }

        var ended = Stopwatch.GetTimestamp();
        foreach (var offset in offsets)
            _history.Committed(new Commit(group, member, offset.Partition.Value, offset.Offset.Value, began, ended));
    }

    private void NoteFatal(string who, Error error)
    {
        if (error.IsFatal)
            _history.Failed($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff}: {who} failed for good: {error.Reason}");
    }
}
