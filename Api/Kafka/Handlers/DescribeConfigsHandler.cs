using System.Globalization;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells the settings of topics, and of this broker what clients ask for.</summary>
/// <param name="directory">Finds topics.</param>
/// <param name="broker">This broker.</param>
/// <param name="options">Its settings.</param>
internal sealed class DescribeConfigsHandler(TopicDirectory directory, LocalBroker broker, IOptions<KafkaOptions> options) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DescribeConfigsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = DescribeConfigsRequest.Read(call.OpenBody(), call.Version);
        var described = new List<DescribedResource>();
        foreach (var (resource, keys) in request.Resources)
        {
            var all = await DescribeAsync(call.Caller, resource, call.Closed);
            described.Add(keys is null ? all : all with { Settings = [.. all.Settings.Where(setting => keys.Contains(setting.Name))] });
        }

        new DescribeConfigsAnswer(described, request.WantsDocumentation).Write(call.Answer, call.Version);
    }

    private async Task<DescribedResource> DescribeAsync(Caller caller, ConfigResource resource, CancellationToken cancellationToken)
    {
        try
        {
            switch (resource.Type)
            {
                case ConfigResourceType.Topic:
                    var found = await directory.FindAsync(caller, resource.Name, cancellationToken);
                    return found.Topic is { } topic ? new DescribedResource(resource, KafkaError.None, null, SettingsOf(topic))
                        : Failed(resource, found.Error!);
                case ConfigResourceType.Broker when resource.Name.Length == 0
                    || resource.Name == broker.NodeId.ToString(CultureInfo.InvariantCulture):
                    return new DescribedResource(resource, KafkaError.None, null, SettingsOf(options.Value));
                default:
                    return Failed(resource, new StreamError(
                        StreamErrorCode.InvalidRequest, $"There are settings of topics and of broker {broker.NodeId}, not of '{resource.Name}' (type {(int)resource.Type})."));
            }
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return Failed(resource, refused);
        }
    }

    private static DescribedSetting[] SettingsOf(TopicMetadata topic)
    {
        var config = TopicConfig.From(topic.Config);
        return
        [
            .. TopicSettings.All.Select(setting => new DescribedSetting(
                setting.Name, setting.ValueIn(config), topic.Config.ContainsKey(setting.Name) ? SettingSource.Topic : SettingSource.Default,
                setting.IsNumber ? SettingType.Long : SettingType.Text, IsReadOnly: false, setting.Description)),
            new DescribedSetting("cleanup.policy", "delete", SettingSource.Default, SettingType.Text, IsReadOnly: true, "There is no compaction."),
            .. TopicSettingNames.WithoutEffect.OrderBy(setting => setting.Key, StringComparer.Ordinal).Select(setting => new DescribedSetting(
                setting.Key, setting.Value, SettingSource.Default, SettingType.Text, IsReadOnly: true, "It is taken without effect.")),
        ];
    }

    private static DescribedSetting[] SettingsOf(KafkaOptions options) =>
    [
        new("auto.create.topics.enable", options.AutoCreateTopics ? "true" : "false", SettingSource.Broker, SettingType.Text, IsReadOnly: true, null),
        new("num.partitions", options.AutoCreatePartitions.ToString(CultureInfo.InvariantCulture), SettingSource.Broker, SettingType.Long, IsReadOnly: true, null),
        new("message.max.bytes", TopicLimits.MessageBytesMax.ToString(CultureInfo.InvariantCulture), SettingSource.Default, SettingType.Long, IsReadOnly: true, null),
        new("log.retention.ms", TopicSettings.Find("retention.ms")!.Default, SettingSource.Default, SettingType.Long, IsReadOnly: true, null),
        new("log.cleanup.policy", "delete", SettingSource.Default, SettingType.Text, IsReadOnly: true, null),
    ];

    private static DescribedResource Failed(ConfigResource resource, StreamError error) =>
        new(resource, KafkaErrors.Of(error, KafkaError.RequestTimedOut), error.Detail, []);
}
