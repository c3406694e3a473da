using System.Text.Json;
using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Administration;

/// <summary>Manages API keys and rights.</summary>
public sealed class AccessAdmin
{
    private readonly AdminCalls _calls;

    internal AccessAdmin(AdminCalls calls) => _calls = calls;

    /// <summary>Makes a key. The answer is the only one that has the key itself.</summary>
    /// <param name="id">Its id, which is also a part of it.</param>
    /// <param name="key">Whose it is, and what it may do; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">
    /// A key of that id exists (<c>KEY_ALREADY_EXISTS</c>); or it was refused, or nobody answers.
    /// </exception>
    public Task<KeyAnswer> CreateKeyAsync(string id, KeyRequest? key = null, CancellationToken cancellationToken = default) =>
        _calls.AskOnceAsync(
            HttpMethod.Put, Key(id), ApiJsonContext.Api.KeyAnswer,
            JsonSerializer.SerializeToUtf8Bytes(key ?? new KeyRequest(), ApiJsonContext.Api.KeyRequest), cancellationToken);

    /// <summary>All keys, without what is secret of them.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public async Task<IReadOnlyList<KeyAnswer>> ListKeysAsync(CancellationToken cancellationToken = default) =>
        (await _calls.GetAsync("v1/access/keys", ApiJsonContext.Api.KeyListAnswer, cancellationToken).ConfigureAwait(false)).Keys;

    /// <summary>Revokes a key.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is none of that id; or it was refused, or nobody answers.</exception>
    public Task RevokeKeyAsync(string id, CancellationToken cancellationToken = default) => _calls.DeleteAsync(Key(id), cancellationToken);

    /// <summary>Gives a right.</summary>
    /// <param name="right">Who may do what, on what.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>What the principal may do there now.</returns>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task<RightEntry> GiveRightAsync(RightRequest right, CancellationToken cancellationToken = default) =>
        _calls.AskAsync(
            HttpMethod.Put, "v1/access/rights", ApiJsonContext.Api.RightEntry,
            JsonSerializer.SerializeToUtf8Bytes(right, ApiJsonContext.Api.RightRequest), cancellationToken);

    /// <summary>Rights, by principal and resource.</summary>
    /// <param name="principal">Only this principal's; null for all.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public async Task<IReadOnlyList<RightEntry>> ListRightsAsync(string? principal = null, CancellationToken cancellationToken = default) =>
        (await _calls.GetAsync("v1/access/rights" + AdminCalls.Query(("principal", principal)), ApiJsonContext.Api.RightListAnswer, cancellationToken)
            .ConfigureAwait(false)).Rights;

    /// <summary>Takes a right away.</summary>
    /// <param name="principal">The principal whose rights are listed; null for all.</param>
    /// <param name="resource">On what: <c>topic</c>, <c>group</c> or <c>cluster</c>.</param>
    /// <param name="name">The name; null for the cluster.</param>
    /// <param name="pattern"><c>literal</c> or <c>prefix</c>; null for <c>literal</c>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">There is no such right; or it was refused, or nobody answers.</exception>
    public Task TakeRightAsync(
        string principal, string resource, string? name = null, string? pattern = null, CancellationToken cancellationToken = default) =>
        _calls.DeleteAsync(
            "v1/access/rights" + AdminCalls.Query(("principal", principal), ("resource", resource), ("pattern", pattern), ("name", name)), cancellationToken);

    private static string Key(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return $"v1/access/keys/{AdminCalls.Part(id)}";
    }
}
