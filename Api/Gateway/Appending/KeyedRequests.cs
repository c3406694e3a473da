using System.Security.Cryptography;
using System.Text;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Producers;
using OrleansStream.Randomness;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>Begins requests with a key of the client's. For a day, one key stands for one append.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="appender">Chooses where keyless records begin.</param>
/// <param name="time">Times repeats.</param>
/// <param name="random">Where the ids of requests and the jitter of repeats come from; null for <see cref="RandomSource.System"/>.</param>
public sealed class KeyedRequests(
    AccessControl access, IGrainFactory grains, RecordsAppender appender, TimeProvider time, RandomSource? random = null)
{
    private const int KeyHashBytes = 16;

    /// <summary>Begins a request, continues one that was abandoned, or finds its remembered outcome.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="key">The client's key, at most <see cref="KeyedAppendLimits.KeyLengthMax"/> characters.</param>
    /// <param name="requestHash">A text that two requests share when they ask for the same append.</param>
    /// <exception cref="StreamException">The key was used for another request, or is in use; or there is no such topic.</exception>
    public async Task<ClientIdentity> BeginAsync(Caller caller, string topic, string key, string requestHash)
    {
        access.DemandTopic(caller, AccessOperations.Write, topic);
        var keyHash = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        var keyText = TextOf(keyHash);
        var runner = (random ?? RandomSource.System).NewId();
        (var appends, var begun) = await AppendRetry.CallAsync(time, AppendingLimits.BeginRepeatMax, random, async () =>
        {
            var found = await grains.GetGrain<ITopicGrain>(topic).GetAsync();
            if (found.Topic is not { } metadata)
                return (null!, new KeyedAppendResponse(found.Error));
            var grain = grains.GetGrain<IKeyedAppendsGrain>(IKeyedAppendsGrain.KeyOf(metadata.Id, keyHash));
            return (grain, await grain.BeginAsync(new KeyedAppendRequest(keyText, requestHash, metadata, appender.NextKeylessStart(), runner)));
        });
        if (begun.Identity is not { } identity)
            throw new StreamException(begun.Error!);
        return identity.StoredParts is null
            ? new ClientIdentity(identity, begun.IsResumed, new KeyedRequest(appends, keyText, runner))
            : new ClientIdentity(identity);
    }

    /// <summary>The text by which a key is remembered.</summary>
    /// <param name="key">The client's key.</param>
    public static string HashOf(string key) => TextOf(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private static string TextOf(byte[] keyHash) => Convert.ToHexString(keyHash, 0, KeyHashBytes);
}
