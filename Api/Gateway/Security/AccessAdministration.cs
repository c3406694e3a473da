using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// Creates and revokes keys, and grants and revokes rights. Every operation needs <see cref="AccessOperations.Admin"/> on the cluster. Safe for any
/// thread.
/// </summary>
/// <remarks>When a change is answered, it is stored, and this node applies it. The other nodes apply it within 10 s.</remarks>
/// <param name="access">Checks callers' rights.</param>
/// <param name="rules">This node's copy of the keys and rights.</param>
/// <param name="grains">Gets the grain of the stored keys and rights.</param>
/// <param name="time">Dates keys when they are created.</param>
public sealed class AccessAdministration(AccessControl access, AccessRules rules, IGrainFactory grains, TimeProvider time)
{
    /// <summary>Creates a key.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="request">The key to create; its id and name are valid.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <returns>The key and its secret. The secret is not stored, so it cannot be had again.</returns>
    /// <exception cref="StreamException">A key has this id; or a limit is reached; or the store failed.</exception>
    public Task<(ApiKey Key, ApiKeySecret Secret)> CreateKeyAsync(Caller caller, NewKey request, CancellationToken cancellationToken) =>
        access.AdministerAsync(
        caller, $"key {request.Id} of {request.Name}, {request.Role?.NameOf() ?? "no role"}", () => CreateKeyAsync(request, cancellationToken));

    private async Task<(ApiKey Key, ApiKeySecret Secret)> CreateKeyAsync(NewKey request, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (request.ExpiresAt is { } end && (end <= now || end - now > AccessLimits.KeyAgeMax))
            throw StreamException.InvalidRequest("expires_at", $"A key's end lies ahead, and at most {AccessLimits.KeyAgeMax.TotalDays} days.");
        if (request.Id == BootstrapKey.Id)
            throw StreamException.InvalidRequest("key", $"'{BootstrapKey.Id}' is the key of the service's settings; take another id.");
        var secret = ApiKeySecret.Create() with { Id = request.Id };
        var key = new ApiKey(request.Id, request.Name, ApiKeySecret.HashOf(secret.Secret), request.Role, now, request.ExpiresAt, LastUsedAt: null);
        Throw(await Grain.AddKeyAsync(key).AsTask().WaitAsync(cancellationToken));
        await rules.RefreshNowAsync(cancellationToken);
        return (key, secret);
    }

    /// <summary>Lists all keys, without secrets, in the order of their ids.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">The store failed.</exception>
    public Task<IReadOnlyList<ApiKey>> ListKeysAsync(Caller caller, CancellationToken cancellationToken) =>
        access.AdministerAsync<IReadOnlyList<ApiKey>>(
        caller, detail: null, async () => [.. (await ReadAsync(cancellationToken)).Keys.OrderBy(key => key.Id, StringComparer.Ordinal)]);

    /// <summary>Revokes a key: every node refuses it within 10 s, also on connections that are open.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="id">The key's id.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">There is no such key, or the store failed.</exception>
    public Task RevokeKeyAsync(Caller caller, string id, CancellationToken cancellationToken) => access.AdministerAsync(
        caller, $"key {id}",
        async () =>
        {
            if (!await Grain.RemoveKeyAsync(id).AsTask().WaitAsync(cancellationToken))
                throw NotFound($"There is no key '{id}'.");
            await rules.RefreshNowAsync(cancellationToken);
            return true;
        });

    /// <summary>Lists rights, in the order of principal and resource.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="principal">The principal whose rights are listed; null for all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">The store failed.</exception>
    public Task<IReadOnlyList<AccessRight>> ListRightsAsync(Caller caller, string? principal, CancellationToken cancellationToken) =>
        access.AdministerAsync<IReadOnlyList<AccessRight>>(
        caller, detail: null, async () =>
        [
            .. (await ReadAsync(cancellationToken)).Rights.Where(right => principal is null || right.Principal == principal)
                .OrderBy(right => right.Principal, StringComparer.Ordinal).ThenBy(right => right.Kind)
                    .ThenBy(right => right.Name, StringComparer.Ordinal).ThenBy(right => right.IsPrefix),
        ]);

    /// <summary>Grants a right. It replaces the right that the principal has on the same resource.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="right">The right; it is valid.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">A limit is reached, or the store failed.</exception>
    public Task GiveRightAsync(Caller caller, AccessRight right, CancellationToken cancellationToken) => access.AdministerAsync(
        caller, $"{right}",
        async () =>
        {
            Throw(await Grain.PutRightAsync(right).AsTask().WaitAsync(cancellationToken));
            await rules.RefreshNowAsync(cancellationToken);
            return true;
        });

    /// <summary>Revokes rights.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="rights">The rights, found by principal and resource; their operations do not matter.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">None of the rights exists, or the store failed.</exception>
    public Task TakeRightsAsync(Caller caller, ImmutableArray<AccessRight> rights, CancellationToken cancellationToken) => access.AdministerAsync(
        caller, rights.IsDefaultOrEmpty ? null : string.Join("; ", rights),
        async () =>
        {
            if (await Grain.RemoveRightsAsync(rights).AsTask().WaitAsync(cancellationToken) == 0)
                throw NotFound("There is no such right.");
            await rules.RefreshNowAsync(cancellationToken);
            return true;
        });

    /// <summary>Adds operations to rights and removes some, all in one change.</summary>
    /// <param name="caller">The caller, whose right is checked.</param>
    /// <param name="changes">The changes, at most <see cref="AccessLimits.RightChangesMax"/>; the rights that they make are valid.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">There are too many changes or rights, and nothing is changed; or the store failed.</exception>
    public Task ChangeRightsAsync(Caller caller, ImmutableArray<RightChange> changes, CancellationToken cancellationToken) => access.AdministerAsync(
        caller, changes.IsDefaultOrEmpty ? null : string.Join("; ", changes.Take(AccessLimits.RightChangesMax)),
        async () =>
        {
            if (changes.Length > AccessLimits.RightChangesMax)
            {
                throw new StreamException(new StreamError(
                    StreamErrorCode.InvalidRequest, $"{changes.Length} rights are to be changed at once; at most {AccessLimits.RightChangesMax} can be."));
            }

            Throw(await Grain.ChangeRightsAsync(changes).AsTask().WaitAsync(cancellationToken));
            await rules.RefreshNowAsync(cancellationToken);
            return true;
        });

    private IAccessGrain Grain => grains.GetGrain<IAccessGrain>(IAccessGrain.Key);

    private async Task<StoredAccess> ReadAsync(CancellationToken cancellationToken) =>
        (await Grain.ReadAsync(knownVersion: null, isFresh: true).AsTask().WaitAsync(cancellationToken)).Rules!;

    private static void Throw(StreamError? error)
    {
        if (error is not null)
            throw new StreamException(error);
    }

    private static StreamException NotFound(string detail) => new(new StreamError(StreamErrorCode.ResourceNotFound, detail));
}

/// <summary>A request to create a key.</summary>
/// <param name="Id">The key's id.</param>
/// <param name="Name">The name that rights are granted to; several keys may share it.</param>
/// <param name="Role">The role that the key has on all resources; null when it has only the rights of its name.</param>
/// <param name="ExpiresAt">When the key expires; null for never.</param>
public sealed record NewKey(string Id, string Name, AccessRole? Role, DateTimeOffset? ExpiresAt);
