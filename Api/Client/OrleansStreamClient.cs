using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Reading;
using OrleansStream.Client.Serialization;

namespace OrleansStream.Client;

/// <summary>
/// The way to a service: it makes producers, consumers and what manages topics, groups and keys. It holds the connections, so a program has one and
/// uses it from any thread.
/// </summary>
public sealed class OrleansStreamClient : IDisposable, IAsyncDisposable
{
    private readonly ServiceConnection _connection;
    private readonly ValueSerializers _serializers;

    /// <summary>Makes a client. No connection is opened before the first call.</summary>
    /// <param name="options">The settings.</param>
    /// <exception cref="ArgumentException">A setting is wrong; the message names it.</exception>
    public OrleansStreamClient(OrleansStreamClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (string.Join(' ', options.Faults()) is { Length: > 0 } faults)
            throw new ArgumentException(faults, nameof(options));
        _connection = new ServiceConnection(options.Settings());
        _serializers = options.Serializers;
        Admin = new StreamAdmin(_connection);
    }

    /// <summary>Makes a client.</summary>
    /// <param name="endpoint">The address of a node, or one that leads to all, such as <c>http://localhost:8080</c>.</param>
    /// <param name="apiKey">An API key; null for none.</param>
    /// <exception cref="ArgumentException">It is no address.</exception>
    public OrleansStreamClient(string endpoint, string? apiKey = null)
        : this(new OrleansStreamClientOptions { Endpoints = [AddressOf(endpoint)], ApiKey = apiKey })
    {
    }

    /// <summary>Manages topics, groups, keys and rights.</summary>
    public StreamAdmin Admin { get; }

    /// <summary>Makes a producer. Dispose it to have everything sent.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="configure">Sets what is not to be as usual; null for nothing.</param>
    /// <exception cref="ArgumentException">A setting is out of its bounds; the message names it.</exception>
    public StreamProducer CreateProducer(string topic, Action<ProducerOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        var options = new ProducerOptions();
        configure?.Invoke(options);
        return new StreamProducer(topic, options, _connection, _serializers);
    }

    /// <summary>Makes a consumer of one topic. It joins its group when it is iterated or run.</summary>
    /// <typeparam name="T">The type of the records' values.</typeparam>
    /// <param name="group">The group, whose members share the topic's partitions.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="configure">Sets what is not to be as usual; null for nothing.</param>
    /// <exception cref="ArgumentException">A setting is out of its bounds; the message names it.</exception>
    public StreamConsumer<T> Consume<T>(string group, string topic, Action<ConsumerOptions>? configure = null) =>
        Consume<T>(group, [topic], configure);

    /// <summary>Makes a consumer of several topics. It joins its group when it is iterated or run.</summary>
    /// <typeparam name="T">The type of the records' values.</typeparam>
    /// <param name="group">The group, whose members share the topics' partitions.</param>
    /// <param name="topics">The topics. One that does not exist is read once it does.</param>
    /// <param name="configure">Sets what is not to be as usual; null for nothing.</param>
    /// <exception cref="ArgumentException">A setting is out of its bounds; the message names it.</exception>
    public StreamConsumer<T> Consume<T>(string group, IEnumerable<string> topics, Action<ConsumerOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(group);
        ArgumentNullException.ThrowIfNull(topics);
        var options = new ConsumerOptions();
        configure?.Invoke(options);
        return new StreamConsumer<T>(_connection, _serializers.Get<T>(), group, [.. topics], options);
    }

    /// <summary>Makes a reader of a topic, which belongs to no group and commits nothing.</summary>
    /// <typeparam name="T">The type of the records' values.</typeparam>
    /// <param name="topic">The topic.</param>
    /// <param name="configure">Sets what is not to be as usual; null for nothing.</param>
    /// <exception cref="ArgumentException">A setting is out of its bounds; the message names it.</exception>
    public TopicReader<T> Read<T>(string topic, Action<ReaderOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        var options = new ReaderOptions();
        configure?.Invoke(options);
        return new TopicReader<T>(_connection, _serializers.Get<T>(), topic, options);
    }

    /// <summary>Closes the connections. Producers and consumers are disposed before.</summary>
    public void Dispose() => _connection.Dispose();

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private static Uri AddressOf(string endpoint) => Uri.TryCreate(endpoint, UriKind.Absolute, out var address)
        ? address
        : throw new ArgumentException($"'{endpoint}' is not an address such as http://localhost:8080.", nameof(endpoint));
}
