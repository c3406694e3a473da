using System.Runtime.CompilerServices;
using System.Text.Json;
using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Administration;

/// <summary>Manages topics.</summary>
public sealed class TopicAdmin
{
    private readonly AdminCalls _calls;

    internal TopicAdmin(AdminCalls calls) => _calls = calls;

    /// <summary>Creates a topic. One that exists as asked is left as it is.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partitions">The count of its partitions.</param>
    /// <param name="config">Settings by Kafka's names, such as <c>retention.ms</c>; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">
    /// A topic of that name is otherwise (<c>TOPIC_ALREADY_EXISTS</c>); or it was refused, or nobody answers.
    /// </exception>
    public Task<TopicAnswer> CreateAsync(
        string topic, int partitions = 1, IReadOnlyDictionary<string, string>? config = null, CancellationToken cancellationToken = default) =>
        _calls.AskAsync(
            HttpMethod.Put, Path(topic), ApiJsonContext.Api.TopicAnswer,
            AdminCalls.Json(json =>
            {
                json.WriteNumber("partitions"u8, partitions);
                WriteConfig(json, config);
            }),
            cancellationToken);

    /// <summary>Shows a topic with all its settings.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task<TopicAnswer> GetAsync(string topic, CancellationToken cancellationToken = default) =>
        _calls.GetAsync(Path(topic), ApiJsonContext.Api.TopicAnswer, cancellationToken);

    /// <summary>Changes a topic; what is not named stays.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partitions">The new count of partitions, which can only grow; null to leave it.</param>
    /// <param name="config">Settings to change; a null value puts one back to its default.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task<TopicAnswer> AlterAsync(
        string topic, int? partitions = null, IReadOnlyDictionary<string, string?>? config = null, CancellationToken cancellationToken = default) =>
        _calls.AskAsync(
            HttpMethod.Patch, Path(topic), ApiJsonContext.Api.TopicAnswer,
            AdminCalls.Json(json =>
            {
                if (partitions is { } count)
                    json.WriteNumber("partitions"u8, count);
                WriteConfig(json, config);
            }),
            cancellationToken);

    /// <summary>Deletes a topic and its records.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task DeleteAsync(string topic, CancellationToken cancellationToken = default) => _calls.DeleteAsync(Path(topic), cancellationToken);

    /// <summary>The topics, by name. They are asked for page by page.</summary>
    /// <param name="prefix">Only those whose names begin so; null for all.</param>
    /// <param name="cancellationToken">Ends the calls.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public async IAsyncEnumerable<TopicListEntry> ListAsync(
        string? prefix = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? after = null;
        do
        {
            var page = await _calls.GetAsync(
                "v1/topics" + AdminCalls.Query(("prefix", prefix), ("after", after)), ApiJsonContext.Api.TopicListAnswer, cancellationToken).ConfigureAwait(false);
            foreach (var topic in page.Topics)
                yield return topic;
            after = page.NextAfter;
        }
        while (after is not null);
    }

    /// <summary>The state of a topic's partitions: offsets, bytes, leaders.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task<PartitionListAnswer> GetPartitionsAsync(string topic, CancellationToken cancellationToken = default) =>
        _calls.GetAsync($"{Path(topic)}/partitions", ApiJsonContext.Api.PartitionListAnswer, cancellationToken);

    /// <summary>The traffic of a topic's partitions, and its hottest keys.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task<TopicLoadAnswer> GetLoadAsync(string topic, CancellationToken cancellationToken = default) =>
        _calls.GetAsync($"{Path(topic)}/load", ApiJsonContext.Api.TopicLoadAnswer, cancellationToken);

    /// <summary>Deletes the records of a partition that lie before an offset.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="beforeOffset">The first offset that stays; null to delete all there are.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task<DeleteRecordsAnswer> DeleteRecordsAsync(
        string topic, int partition, long? beforeOffset, CancellationToken cancellationToken = default) =>
        _calls.AskAsync(
            HttpMethod.Delete, $"{Path(topic)}/partitions/{partition}/records" + AdminCalls.Query(("before_offset", beforeOffset ?? (object)"latest")),
            ApiJsonContext.Api.DeleteRecordsAnswer, body: null, cancellationToken);

    private static string Path(string topic)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        return $"v1/topics/{AdminCalls.Part(topic)}";
    }

    private static void WriteConfig<TValue>(Utf8JsonWriter json, IReadOnlyDictionary<string, TValue>? config)
    {
        if (config is null)
            return;
        json.WriteStartObject("config"u8);
        foreach (var (name, value) in config)
            json.WriteString(name, value as string);
        json.WriteEndObject();
    }
}
