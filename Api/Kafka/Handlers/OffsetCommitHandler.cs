using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Commits offsets: of members in their generation or under their epoch, and of whoever is no member while the group has none, of any kind.
/// They are kept as they are given, also beyond the end of a log. Below 0 means none: kafkajs commits it when it resets, and dies when it is
/// refused.
/// </summary>
/// <param name="groups">The groups.</param>
internal sealed class OffsetCommitHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => OffsetCommitRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = OffsetCommitRequest.Read(call.OpenBody(), call.Version);
        NamedPartitionOffset[] offsets = [.. request.Topics.SelectMany(
            topic => topic.Partitions.Select(one => new NamedPartitionOffset(topic.Name, one.Index, one.Offset, one.Metadata)))];
        var errors = offsets.Length > GroupLimits.OffsetsPerRequestMax ? All(KafkaError.InvalidCommitOffsetSize)
            : await GroupCalls.AskAsync(call, request.Group, () => CommitAsync(request, offsets, call), All);
        new OffsetCommitAnswer(request, errors).Write(call.Answer, call.Version);

        KafkaError[] All(KafkaError error)
        {
            var all = new KafkaError[offsets.Length];
            Array.Fill(all, error);
            return all;
        }
    }

    private async Task<KafkaError[]> CommitAsync(OffsetCommitRequest request, NamedPartitionOffset[] offsets, KafkaCall call)
    {
        var claim = new GroupClaim(request.Member, request.InstanceId, request.Generation);
        var told = await groups.CommitAsync(call.Caller, request.Group, claim, [.. offsets], call.Closed);
        return told.Error is { } error ? [.. offsets.Select(_ => GroupCalls.ErrorOf(error))] : [.. told.Errors.Select(GroupCalls.ErrorOf)];
    }
}
