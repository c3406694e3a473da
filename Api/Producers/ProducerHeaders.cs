using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Api.Producers;

/// <summary>The headers by which a client repeats its requests safely.</summary>
internal static class ProducerHeaders
{
    /// <summary>The producer's id.</summary>
    public const string Id = "Producer-Id";

    /// <summary>Its epoch.</summary>
    public const string Epoch = "Producer-Epoch";

    /// <summary>The sequence number of the request's first record.</summary>
    public const string Sequence = "Producer-Sequence";

    /// <summary>A key for the whole request.</summary>
    public const string Key = "Idempotency-Key";

    /// <summary>All of them.</summary>
    public static readonly string[] All = [Id, Epoch, Sequence, Key];

    /// <summary>Reads the producer's headers.</summary>
    /// <param name="request">The request.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    /// <returns>Null when there are none.</returns>
    /// <exception cref="RequestException">One is missing or malformed.</exception>
    public static AppendIdentity? ReadProducer(HttpRequest request, long nowMs)
    {
        string? given = request.Headers.ContainsKey(Id) ? Id
            : request.Headers.ContainsKey(Epoch) ? Epoch
            : request.Headers.ContainsKey(Sequence) ? Sequence
            : null;
        if (given is null)
            return null;
        if (request.Headers.ContainsKey(Key))
            throw RequestException.Malformed(Key, $"'{Key}' and '{given}' are two identities. Send one of them.");
        return new AppendIdentity(
            Number(request, Id, long.MaxValue), (short)Number(request, Epoch, short.MaxValue), Topic: null, nowMs, KeylessStart: 0, TimeoutMs: 0)
        {
            BaseSequence = (int)Number(request, Sequence, int.MaxValue),
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
                    $"A batch names producer {scanner.Header.ProducerId}, which makes its repeat known. Leave the headers out.") { Field = Id });
            }
        }
    }

    private static long Number(HttpRequest request, string header, long max) => request.Headers.TryGetValue(header, out var values)
        ? values.Count == 1 ? Parameters.Integer(header, values.ToString(), 0, max) : throw JsonFields.Twice(header)
        : throw RequestException.Malformed(header, $"'{header}' is missing: {Id}, {Epoch} and {Sequence} go together.");
}
