using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Gives and takes away keys and rights. All of it is for whoever may administer the cluster. Safe for any thread.</summary>
/// <remarks>What it answers is stored, and known at this node; the others know it within 10 s.</remarks>
/// <param name="access">Decides who may.</param>
/// <param name="rules">The keys and rights, as this node knows them.</param>
/// <param name="grains">The way to what is stored.</param>
/// <param name="time">The clock.</param>
public sealed class AccessAdministration(AccessControl access, AccessRules rules, IGrainFactory grains, TimeProvider time)
{
    /// <summary>Makes a key.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="request">What it shall be; ids and names are valid.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <returns>The key, and its secret: this is the only time that anybody can see it.</returns>
    /// <exception cref="StreamException">There is a key with this id; a limit is reached; or it could not be stored.</exception>
    public async Task<(ApiKey Key, ApiKeySecret Secret)> CreateKeyAsync(Caller caller, NewKey request, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Admin, $"CreateKey {request.Id} of {request.Name}, {request.Role?.NameOf() ?? "no role"}");
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

    /// <summary>All keys, without their secrets, by their ids.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">They cannot be read.</exception>
    public async Task<IReadOnlyList<ApiKey>> ListKeysAsync(Caller caller, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Admin);
        return [.. (await ReadAsync(cancellationToken)).Keys.OrderBy(key => key.Id, StringComparer.Ordinal)];
    }

    /// <summary>Revokes a key: every node refuses it within 10 s, also on connections that are open.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="id">The key's id.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">There is no such key, or it could not be stored.</exception>
    public async Task RevokeKeyAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Admin, $"RevokeKey {id}");
        if (!await Grain.RemoveKeyAsync(id).AsTask().WaitAsync(cancellationToken))
            throw NotFound($"There is no key '{id}'.");
        await rules.RefreshNowAsync(cancellationToken);
    }

    /// <summary>Rights, by principal and resource.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="principal">Whose; null for all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">They cannot be read.</exception>
    public async Task<IReadOnlyList<AccessRight>> ListRightsAsync(Caller caller, string? principal, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Admin);
        return
        [
            .. (await ReadAsync(cancellationToken)).Rights.Where(right => principal is null || right.Principal == principal)
                .OrderBy(right => right.Principal, StringComparer.Ordinal).ThenBy(right => right.Kind).ThenBy(right => right.Name, StringComparer.Ordinal).ThenBy(right => right.IsPrefix),
        ];
    }

    /// <summary>Gives a right, in the place of the one that the principal has on the same resource.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="right">The right; it is valid.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">A limit is reached, or it could not be stored.</exception>
    public async Task GiveRightAsync(Caller caller, AccessRight right, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Admin, $"GiveRight {right}");
        Throw(await Grain.PutRightAsync(right).AsTask().WaitAsync(cancellationToken));
        await rules.RefreshNowAsync(cancellationToken);
    }

    /// <summary>Takes rights away.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="rights">The rights, whatever their operations.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <exception cref="StreamException">There is none of them, or it could not be stored.</exception>
    public async Task TakeRightsAsync(Caller caller, ImmutableArray<AccessRight> rights, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Admin, $"TakeRight {(rights.IsDefaultOrEmpty ? null : rights[0])}");
        if (await Grain.RemoveRightsAsync(rights).AsTask().WaitAsync(cancellationToken) == 0)
            throw NotFound("There is no such right.");
        await rules.RefreshNowAsync(cancellationToken);
    }

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

/// <summary>A key that is asked for.</summary>
/// <param name="Id">What it is found by.</param>
/// <param name="Name">Whose it is.</param>
/// <param name="Role">What it may do with everything; null for only what rights give to its name.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
public sealed record NewKey(string Id, string Name, AccessRole? Role, DateTimeOffset? ExpiresAt);
