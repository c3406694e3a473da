using System.Runtime.CompilerServices;
using System.Text.Json;
using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Administration;

/// <summary>Manages consumer groups.</summary>
public sealed class GroupAdmin
{
    private readonly AdminCalls _calls;

    internal GroupAdmin(AdminCalls calls) => _calls = calls;

    /// <summary>The groups, by name. They are asked for page by page.</summary>
    /// <param name="prefix">Only those whose names begin so; null for all.</param>
    /// <param name="cancellationToken">Ends the calls.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public async IAsyncEnumerable<GroupListEntry> ListAsync(
        string? prefix = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? after = null;
        do
        {
            var page = await _calls.GetAsync(
                "v1/groups" + AdminCalls.Query(("prefix", prefix), ("after", after)), ApiJsonContext.Api.GroupListAnswer, cancellationToken).ConfigureAwait(false);
            foreach (var group in page.Groups)
                yield return group;
            after = page.NextAfter;
        }
        while (after is not null);
    }

    /// <summary>Shows a group: its members, their partitions, its retry policy.</summary>
    /// <param name="group">The group's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task<GroupAnswer> GetAsync(string group, CancellationToken cancellationToken = default) =>
        _calls.GetAsync(Path(group), ApiJsonContext.Api.GroupAnswer, cancellationToken);

    /// <summary>How far a group is behind, in records and seconds.</summary>
    /// <param name="group">The group's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task<LagAnswer> GetLagAsync(string group, CancellationToken cancellationToken = default) =>
        _calls.GetAsync($"{Path(group)}/lag", ApiJsonContext.Api.LagAnswer, cancellationToken);

    /// <summary>A group's committed offsets.</summary>
    /// <param name="group">The group's name.</param>
    /// <param name="topic">Only those of this topic; null for all.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that name; or it was refused, or nobody answers.</exception>
    public Task<OffsetListAnswer> GetOffsetsAsync(string group, string? topic = null, CancellationToken cancellationToken = default) =>
        _calls.GetAsync($"{Path(group)}/offsets" + AdminCalls.Query(("topic", topic)), ApiJsonContext.Api.OffsetListAnswer, cancellationToken);

    /// <summary>Sets offsets of a group that has no members.</summary>
    /// <param name="group">The group's name.</param>
    /// <param name="offsets">The offsets.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">The group has members (<c>NON_EMPTY_GROUP</c>); or it was refused, or nobody answers.</exception>
    public Task SetOffsetsAsync(string group, IReadOnlyList<OffsetPut> offsets, CancellationToken cancellationToken = default) =>
        _calls.DoAsync(
            HttpMethod.Put, $"{Path(group)}/offsets",
            JsonSerializer.SerializeToUtf8Bytes(new OffsetsPutRequest { Offsets = offsets }, ApiJsonContext.Api.OffsetsPutRequest),
            cancellationToken);

    /// <summary>Moves the offsets of a group that has no members.</summary>
    /// <param name="group">The group's name.</param>
    /// <param name="position">The offset, the time or the end of the log to go on from.</param>
    /// <param name="topics">The topics; null for all that the group has an offset for.</param>
    /// <param name="partitions">The partitions; null for all.</param>
    /// <param name="dryRun">True to only answer what would be set; the group may have members then.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">The group has members (<c>NON_EMPTY_GROUP</c>); or it was refused, or nobody answers.</exception>
    public Task<OffsetsResetAnswer> ResetOffsetsAsync(
        string group, GroupPosition position, IReadOnlyList<string>? topics = null, IReadOnlyList<int>? partitions = null, bool dryRun = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(position);
        // Repeated, a shift would shift twice.
        return _calls.AskOnceAsync(
            HttpMethod.Post, $"{Path(group)}/offsets/reset", ApiJsonContext.Api.OffsetsResetAnswer,
            AdminCalls.Json(json =>
            {
                position.Write(json);
                if (topics is not null)
                {
                    json.WriteStartArray("topics"u8);
                    foreach (var topic in topics)
                        json.WriteStringValue(topic);
                    json.WriteEndArray();
                }

                if (partitions is not null)
                {
                    json.WriteStartArray("partitions"u8);
                    foreach (var partition in partitions)
                        json.WriteNumberValue(partition);
                    json.WriteEndArray();
                }

                json.WriteBoolean("dry_run"u8, dryRun);
            }),
            cancellationToken);
    }

    /// <summary>Says what becomes of records that a group's members cannot work on.</summary>
    /// <param name="group">Its name, without a dot.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task<RetryPolicyAnswer> SetRetryPolicyAsync(string group, RetryPolicyRequest policy, CancellationToken cancellationToken = default) =>
        _calls.AskAsync(
            HttpMethod.Put, Path(group), ApiJsonContext.Api.RetryPolicyAnswer,
            JsonSerializer.SerializeToUtf8Bytes(policy, ApiJsonContext.Api.RetryPolicyRequest), cancellationToken);

    /// <summary>Begins to take dead letters back, to be delivered again. It goes on in the background.</summary>
    /// <param name="group">The group.</param>
    /// <param name="filter">Which ones; null for all.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">Another redrive runs; or it was refused, or nobody answers.</exception>
    public Task<RedriveAnswer> RedriveAsync(string group, RedriveRequest? filter = null, CancellationToken cancellationToken = default) =>
        _calls.AskAsync(
            HttpMethod.Post, Redrive(group), ApiJsonContext.Api.RedriveAnswer,
            JsonSerializer.SerializeToUtf8Bytes(filter ?? new RedriveRequest(), ApiJsonContext.Api.RedriveRequest), cancellationToken);

    /// <summary>How far a redrive is.</summary>
    /// <param name="group">The group.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task<RedriveAnswer> GetRedriveAsync(string group, CancellationToken cancellationToken = default) =>
        _calls.GetAsync(Redrive(group), ApiJsonContext.Api.RedriveAnswer, cancellationToken);

    /// <summary>Stops a redrive.</summary>
    /// <param name="group">The group.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task StopRedriveAsync(string group, CancellationToken cancellationToken = default) =>
        _calls.DeleteAsync(Redrive(group), cancellationToken);

    /// <summary>Takes a member out of its group; its partitions go to others at once.</summary>
    /// <param name="group">The group.</param>
    /// <param name="member">The member's id.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task RemoveMemberAsync(string group, string member, CancellationToken cancellationToken = default) =>
        _calls.DeleteAsync($"{Path(group)}/members/{AdminCalls.Part(member)}", cancellationToken);

    /// <summary>Deletes a group that has no members, with its offsets and the records that wait to be tried again.</summary>
    /// <param name="group">The group's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It has members, or there is none of that name; or it was refused, or nobody answers.</exception>
    public Task DeleteAsync(string group, CancellationToken cancellationToken = default) => _calls.DeleteAsync(Path(group), cancellationToken);

    private static string Path(string group)
    {
        ArgumentException.ThrowIfNullOrEmpty(group);
        return $"v1/groups/{AdminCalls.Part(group)}";
    }

    private static string Redrive(string group) => $"{Path(group)}/dead-letters/redrive";
}
