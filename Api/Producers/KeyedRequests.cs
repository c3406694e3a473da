using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Topics;

namespace OrleansStream.Api.Producers;

/// <summary>Begins requests that clients gave a key, so that one key stands for one append for a day.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="appender">Chooses where keyless records begin.</param>
/// <param name="time">The clock.</param>
internal sealed class KeyedRequests(IGrainFactory grains, RecordsAppender appender, TimeProvider time)
{
    private const int KeyHashBytes = 16;

    // What changes the meaning of a body, beside its type.
    private static readonly string[] Headers = ["Acks", "If-Match"];

    /// <summary>Begins a request, goes on with one that was left, or finds what came of it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="partition">The partition it names, or null.</param>
    /// <param name="key">The client's key.</param>
    /// <param name="body">The body.</param>
    /// <exception cref="RequestException">The key is malformed, was used for another request, or is in use; or there is no such topic.</exception>
    public async Task<ClientIdentity> BeginAsync(HttpContext context, int? partition, StringValues key, ReadOnlyMemory<byte> body)
    {
        byte[] keyHash = Hash(key);
        string keyText = TextOf(keyHash);
        string bodyText = HashOf(context.Request, partition, body.Span);
        var runner = Guid.NewGuid();
        long startedAt = time.GetTimestamp();
        while (true)
        {
            try
            {
                TopicMetadata topic = await FindTopicAsync(Parameters.Topic(context));
                IKeyedAppendsGrain appends = grains.GetGrain<IKeyedAppendsGrain>(IKeyedAppendsGrain.KeyOf(topic.Id, keyHash));
                KeyedAppendResponse begun = await appends.BeginAsync(
                    new KeyedAppendRequest(keyText, bodyText, topic, appender.NextKeylessStart(), runner));
                if (begun.Identity is not { } identity)
                    throw new RequestException(begun.Error!);
                return identity.StoredParts is null
                    ? new ClientIdentity(identity, begun.IsResumed, new KeyedRequest(appends, keyText, runner))
                    : new ClientIdentity(identity);
            }
            catch (Exception e) when (e is OrleansException or StreamException && time.GetElapsedTime(startedAt) < Limits.LostReadRepeatMax)
            {
                // Its silo has just gone, and another takes it over. Nothing was appended, and this request may begin again.
                await Task.Delay(Limits.LostCallPause, time);
            }
        }
    }

    /// <summary>The text by which a key is remembered.</summary>
    /// <param name="key">The client's key.</param>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static string HashOf(StringValues key) => TextOf(Hash(key));

    private static byte[] Hash(StringValues key) => SHA256.HashData(Encoding.UTF8.GetBytes(Check(key)));

    private static string TextOf(byte[] keyHash) => Convert.ToHexString(keyHash, 0, KeyHashBytes);

    private async Task<TopicMetadata> FindTopicAsync(string name)
    {
        TopicResponse response = await grains.GetGrain<ITopicGrain>(name).GetAsync();
        return response.Topic ?? throw new RequestException(response.Error!);
    }

    private static string Check(StringValues key)
    {
        string text = key.ToString();
        if (key.Count != 1 || text.Length is 0 or > KeyedAppendLimits.KeyLengthMax || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw RequestException.Malformed(
                ProducerHeaders.Key,
                $"'{ProducerHeaders.Key}' must be one text of 1 to {KeyedAppendLimits.KeyLengthMax} visible ASCII characters without spaces, such as a UUID.");
        }

        return text;
    }

    private static string HashOf(HttpRequest request, int? partition, ReadOnlySpan<byte> body)
    {
        var head = new StringBuilder().Append(partition ?? -1).Append('\n').Append(request.ContentType).Append('\n');
        foreach (var (name, values) in request.Headers
            .Where(header => header.Key.StartsWith("Record-", StringComparison.OrdinalIgnoreCase) || Headers.Contains(header.Key, StringComparer.OrdinalIgnoreCase))
            .OrderBy(header => header.Key, StringComparer.OrdinalIgnoreCase))
        {
            head.Append(name.ToLowerInvariant()).Append(':').Append(values.ToString()).Append('\n');
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(head.Append('\n').ToString()));
        hash.AppendData(body);
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
