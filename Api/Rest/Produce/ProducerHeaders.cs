using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;
using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

/// <summary>The headers by which a client repeats its requests safely.</summary>
internal static class ProducerHeaders
{
    // What changes the meaning of a body, beside its type.
    private static readonly string[] Meaningful = ["Acks", "If-Match"];

    /// <summary>Reads the producer's headers.</summary>
    /// <param name="request">The request.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    /// <returns>Null when there are none.</returns>
    /// <exception cref="RequestException">One is missing or malformed.</exception>
    public static AppendIdentity? ReadProducer(HttpRequest request, long nowMs)
    {
        var given = request.Headers.ContainsKey(IdentityHeaders.ProducerId) ? IdentityHeaders.ProducerId
            : request.Headers.ContainsKey(IdentityHeaders.ProducerEpoch) ? IdentityHeaders.ProducerEpoch
            : request.Headers.ContainsKey(IdentityHeaders.ProducerSequence) ? IdentityHeaders.ProducerSequence
            : null;
        if (given is null)
            return null;
        if (request.Headers.ContainsKey(IdentityHeaders.IdempotencyKey))
        {
            throw RequestException.Malformed(IdentityHeaders.IdempotencyKey,
                $"'{IdentityHeaders.IdempotencyKey}' and '{given}' are two identities. Send one of them.");
        }

        return new AppendIdentity(
            Number(request, IdentityHeaders.ProducerId, long.MaxValue), (short)Number(request, IdentityHeaders.ProducerEpoch, short.MaxValue),
            Topic: null, nowMs, KeylessStart: 0, TimeoutMs: 0)
        {
            BaseSequence = (int)Number(request, IdentityHeaders.ProducerSequence, int.MaxValue),
            IsClients = true,
        };
    }

    /// <summary>Refuses encoded batches that name a producer where the request does.</summary>
    /// <param name="batches">Whole batches.</param>
    /// <exception cref="RequestException">One does.</exception>
    public static void RefuseSecondProducer(ReadOnlySpan<byte> batches)
    {
        var scanner = new RecordBatchScanner(batches, checkCrc: false);
        while (scanner.MoveNext())
        {
            if (scanner.Header.HasProducer)
            {
                throw new RequestException(new StreamError(
                    StreamErrorCode.InvalidRequest,
                    $"A batch names producer {scanner.Header.ProducerId}, which makes its repeat known. Leave the headers out.") { Field =
                        IdentityHeaders.ProducerId });
            }
        }
    }

    /// <summary>The request's key.</summary>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static string ReadKey(StringValues key)
    {
        var text = key.ToString();
        if (key.Count != 1 || text.Length is 0 or > KeyedAppendLimits.KeyLengthMax || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw RequestException.Malformed(
                IdentityHeaders.IdempotencyKey, $"'{IdentityHeaders.IdempotencyKey}' must be one text of 1 to {KeyedAppendLimits.KeyLengthMax} visible ASCII characters without spaces, such as a UUID.");
        }

        return text;
    }

    /// <summary>A text that two requests under a key share when they ask for the same append.</summary>
    /// <param name="request">The request.</param>
    /// <param name="partition">The partition it names, or null.</param>
    /// <param name="body">Its body.</param>
    public static string HashOf(HttpRequest request, int? partition, ReadOnlySpan<byte> body)
    {
        var head = new StringBuilder().Append(partition ?? -1).Append('\n').Append(request.ContentType).Append('\n');
        foreach (var (name, values) in request.Headers
            .Where(header => header.Key.StartsWith("Record-", StringComparison.OrdinalIgnoreCase)
                || Meaningful.Contains(header.Key, StringComparer.OrdinalIgnoreCase))
            .OrderBy(header => header.Key, StringComparer.OrdinalIgnoreCase))
        {
            head.Append(name.ToLowerInvariant()).Append(':').Append(values.ToString()).Append('\n');
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(head.Append('\n').ToString()));
        hash.AppendData(body);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static long Number(HttpRequest request, string header, long max) => request.Headers.TryGetValue(header, out var values)
        ? values.Count == 1 ? Parameters.Integer(header, values.ToString(), 0, max) : throw JsonFields.Twice(header)
        : throw RequestException.Malformed(header, $"'{header}' is missing: {IdentityHeaders.ProducerId}, {IdentityHeaders.ProducerEpoch} and {IdentityHeaders.ProducerSequence} go together.");
}
