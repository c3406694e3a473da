using Confluent.Kafka;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>A consumer of Confluent's that reads in the background, as a program would, and what it was told.</summary>
internal sealed class GroupReader : IAsyncDisposable
{
    private readonly IConsumer<Ignore, string> _consumer;
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _lock = new();
    private readonly HashSet<int> _assigned = [];
    private readonly List<string> _values = [];
    private readonly List<string> _events = [];
    private readonly Task _reading;
    private bool _closes = true;

    public GroupReader(ConsumerConfig config, string topic, bool commits = true)
    {
        _consumer = new ConsumerBuilder<Ignore, string>(config)
            .SetPartitionsAssignedHandler((_, partitions) => Note("+", partitions.Select(one => one.Partition.Value), adds: true))
            .SetPartitionsRevokedHandler((_, partitions) => Note("-", partitions.Select(one => one.Partition.Value), adds: false))
            .SetPartitionsLostHandler((_, partitions) => Note("!", partitions.Select(one => one.Partition.Value), adds: false))
            .SetErrorHandler((_, error) => Note($"error {error.Code}", [], adds: true))
            .SetLogHandler((_, _) => { })
            .Build();
        _consumer.Subscribe(topic);
        _reading = Task.Factory.StartNew(() => Read(commits), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>The partitions that it has.</summary>
    public int[] Assigned
    {
        get
        {
            lock (_lock)
                return [.. _assigned.Order()];
        }
    }

    /// <summary>The values that it read, in their order.</summary>
    public string[] Values
    {
        get
        {
            lock (_lock)
                return [.. _values];
        }
    }

    /// <summary>What it was told of partitions, in order.</summary>
    public string Events
    {
        get
        {
            lock (_lock)
                return string.Join(' ', _events);
        }
    }

    /// <summary>Waits until readers have so many partitions each.</summary>
    public static Task HaveAsync(IReadOnlyList<GroupReader> readers, params int[] counts) => Wait.UntilAsync(
        $"they have {string.Join(", ", counts)} partitions", () => Task.FromResult(readers.Select(reader => reader.Assigned.Length).Order().SequenceEqual(counts)));

    /// <summary>Waits until readers have read so many records, together.</summary>
    public static Task ReadAsync(IReadOnlyList<GroupReader> readers, int count) => Wait.UntilAsync(
        $"they have read {count} records", () => Task.FromResult(readers.Sum(reader => reader.Values.Length) >= count));

    /// <summary>Ends without a word to the group, as a program does that is killed.</summary>
    public async Task KillAsync()
    {
        _closes = false;
        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_ended.IsCancellationRequested)
            return;
        await _ended.CancelAsync();
        await _reading;
    }

    private void Read(bool commits)
    {
        try
        {
            while (!_ended.IsCancellationRequested)
            {
                if (Consume() is not { } read)
                    continue;
                lock (_lock)
                    _values.Add(read.Message.Value);
                if (commits)
                    Commit(read);
            }
        }
        finally
        {
            Close();
            _consumer.Dispose();
        }
    }

    private void Close()
    {
        try
        {
            if (_closes)
                _consumer.Close();
        }
        catch (KafkaException)
        {
            // One that has failed for good says so again. Its error was noted when it came.
        }
    }

    private ConsumeResult<Ignore, string>? Consume()
    {
        try
        {
            return _consumer.Consume(TimeSpan.FromMilliseconds(50));
        }
        catch (ConsumeException exception)
        {
            Note($"error {exception.Error.Code}", [], adds: true);
            return null;
        }
    }

    private void Commit(ConsumeResult<Ignore, string> read)
    {
        try
        {
            _consumer.Commit(read);
        }
        catch (KafkaException exception)
        {
            // The partition may just have moved on: its record comes again.
            Note($"commit {exception.Error.Code}", [], adds: true);
        }
    }

    private void Note(string what, IEnumerable<int> partitions, bool adds)
    {
        lock (_lock)
        {
            int[] numbers = [.. partitions.Order()];
            _events.Add($"{what}[{string.Join(',', numbers)}]");
            if (adds)
                _assigned.UnionWith(numbers);
            else
                _assigned.ExceptWith(numbers);
        }
    }
}
