using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Changes the settings of topics: one by one, or all of them at once.</summary>
/// <param name="isIncremental">Whether it answers IncrementalAlterConfigs, else AlterConfigs.</param>
/// <param name="administration">Changes them.</param>
/// <param name="directory">Finds topics.</param>
internal sealed class AlterConfigsHandler(bool isIncremental, TopicAdministration administration, TopicDirectory directory) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => isIncremental ? AlterConfigsRequest.Incremental : AlterConfigsRequest.Whole;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = AlterConfigsRequest.Read(call.OpenBody(), isIncremental);
        var results = new List<(ConfigResource, KafkaError, string?)>();
        foreach (var change in request.Resources)
        {
            var error = await AlterAsync(call.Caller, change, request.IsOnlyChecked, call.Closed);
            results.Add((change.Resource, KafkaErrors.Of(error, KafkaError.RequestTimedOut), error?.Detail));
        }

        new AlterConfigsAnswer(results).Write(call.Answer);
    }

    private async Task<StreamError?> AlterAsync(Caller caller, ResourceChange change, bool isOnlyChecked, CancellationToken cancellationToken)
    {
        if (change.Resource.Type != ConfigResourceType.Topic)
            return new StreamError(StreamErrorCode.InvalidRequest, "Only the settings of topics can be changed; a broker's are set where it is started.");
        if (Array.Exists(change.Changes, one => one.Operation is not (SettingOperation.Set or SettingOperation.Delete)))
            return new StreamError(StreamErrorCode.InvalidConfig, "A setting can be set and put back to its default; nothing is added to one or taken from it.");
        var settings = TopicSettingNames.Read(
            change.Changes.Select(one => new KeyValuePair<string, string?>(one.Name, one.Operation == SettingOperation.Set ? one.Value : null)),
            out var error);
        if (error is not null)
            return error;
        try
        {
            var found = await directory.FindAsync(caller, change.Resource.Name, cancellationToken);
            if (found.Topic is not { } topic)
                return found.Error;
            if (!isIncremental)
                settings = WithDefaults(settings, topic);
            if (!isOnlyChecked && !settings.IsEmpty)
                await administration.AlterAsync(caller, topic.Name, new AlterTopicRequest(PartitionCount: null, settings), cancellationToken);
            return null;
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return refused;
        }
    }

    private static ImmutableSortedDictionary<string, string?> WithDefaults(ImmutableSortedDictionary<string, string?> settings, TopicMetadata topic)
    {
        foreach (var name in topic.Config.Keys)
        {
            if (!settings.ContainsKey(name))
                settings = settings.Add(name, null);
        }

        return settings;
    }
}
