using System.Text;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

/// <summary>What headers say about the records of a body that has no place for it.</summary>
internal sealed class RecordOptions
{
    private const string KeyHeader = "Record-Key";
    private const string KeyTypeHeader = "Record-Key-Type";
    private const string ValueTypeHeader = "Record-Value-Type";
    private const string TimestampHeader = "Record-Timestamp";
    private const string HeaderPrefix = "Record-Header-";
    private const string AcksHeader = "Acks";

    /// <summary>When to answer.</summary>
    public Acks Acks { get; private init; } = Acks.All;

    /// <summary>How keys are read.</summary>
    public PayloadType KeyType { get; private init; } = PayloadType.String;

    /// <summary>How values are read.</summary>
    public PayloadType ValueType { get; private init; } = PayloadType.Json;

    /// <summary>Reads the headers of a body of encoded batches: they have a place for all but <c>acks</c>.</summary>
    /// <exception cref="RequestException">A header is malformed or has no meaning here.</exception>
    public static RecordOptions ReadAcks(HttpRequest request)
    {
        Refuse(request, name => name.StartsWith("Record-", StringComparison.OrdinalIgnoreCase), "part of the encoded batch");
        return new RecordOptions { Acks = AcksOf(request) };
    }

    /// <summary>Reads the headers of an ndjson body.</summary>
    /// <exception cref="RequestException">A header is malformed or has no meaning here.</exception>
    public static RecordOptions ReadTypes(HttpRequest request)
    {
        Refuse(request, name => name.Equals(KeyHeader, StringComparison.OrdinalIgnoreCase)
            || name.Equals(TimestampHeader, StringComparison.OrdinalIgnoreCase)
            || name.StartsWith(HeaderPrefix, StringComparison.OrdinalIgnoreCase), "a field of the record's line");
        return new RecordOptions
        {
            Acks = AcksOf(request),
            KeyType = TypeOf(request, KeyTypeHeader) ?? PayloadType.String,
            ValueType = TypeOf(request, ValueTypeHeader) ?? PayloadType.Json,
        };
    }

    /// <summary>Reads the headers of a body that is one value.</summary>
    /// <exception cref="RequestException">A header is malformed or has no meaning here.</exception>
    public static RecordOptions Read(HttpRequest request)
    {
        Refuse(request, name => name.Equals(ValueTypeHeader, StringComparison.OrdinalIgnoreCase), "told by Content-Type");
        return new RecordOptions { Acks = AcksOf(request), KeyType = TypeOf(request, KeyTypeHeader) ?? PayloadType.String };
    }

    /// <summary>Refuses record headers where the body says the same.</summary>
    /// <param name="request">The request.</param>
    /// <param name="place">Where it is said.</param>
    /// <exception cref="RequestException">There is one.</exception>
    public static void RefuseFor(HttpRequest request, string place) => Refuse(
        request,
        name => name.Equals(AcksHeader, StringComparison.OrdinalIgnoreCase) || name.StartsWith("Record-", StringComparison.OrdinalIgnoreCase),
        place);

    /// <summary>Adds the record whose value is the body.</summary>
    /// <exception cref="RequestException">A header is malformed, or the record is too large.</exception>
    public void AddRecord(HttpRequest request, ReadOnlySpan<byte> value, RecordCollector records)
    {
        var key = One(request, KeyHeader);
        long? timestampMs = One(request, TimestampHeader) is { } text ? Parameters.Timestamp(TimestampHeader, text) : null;
        using var headers = new RecordHeadersWriter();
        foreach ((var name, var values) in request.Headers)
        {
            if (!name.StartsWith(HeaderPrefix, StringComparison.OrdinalIgnoreCase) || name.Length == HeaderPrefix.Length)
                continue;
            // HTTP does not keep the case of a header's name, so a record's never depends on it.
            var headerKey = Encoding.UTF8.GetBytes(name[HeaderPrefix.Length..].ToLowerInvariant());
            foreach (var headerValue in values)
                headers.Append(headerKey, Encoding.UTF8.GetBytes(headerValue ?? ""));
        }

        if (headers.Count > ProduceLimits.RecordHeadersMax)
            throw RequestException.Malformed(HeaderPrefix + "*", $"A record has at most {ProduceLimits.RecordHeadersMax} headers.");
        records.Add(
            timestampMs, -1, KeyBytes(key), key is not null, value, hasValue: true,
            headers.Count == 0 ? default : headers.EncodedHeaders);
    }

    private byte[] KeyBytes(string? key)
    {
        if (key is null)
            return [];
        if (KeyType == PayloadType.Binary)
        {
            var bytes = new byte[key.Length];
            return Convert.TryFromBase64String(key, bytes, out var length) && !key.AsSpan().ContainsAny(" \t\r\n")
                ? bytes[..length]
                : throw RequestException.Malformed(KeyHeader, $"'{KeyHeader}' is not base64, which {KeyTypeHeader} asks for.");
        }

        var text = Encoding.UTF8.GetBytes(key);
        if (KeyType == PayloadType.Json && !JsonText.IsValid(text))
            throw RequestException.Malformed(KeyHeader, $"'{KeyHeader}' is not JSON, which {KeyTypeHeader} asks for.");
        return text;
    }

    private static Acks AcksOf(HttpRequest request) => One(request, AcksHeader) switch
    {
        null or "all" => Acks.All,
        "1" => Acks.Leader,
        "0" => Acks.None,
        { } other => throw RequestException.Malformed(AcksHeader, $"'{AcksHeader}' is '{RequestException.Shown(other)}'; expected all, 1 or 0."),
    };

    private static PayloadType? TypeOf(HttpRequest request, string header)
    {
        if (One(request, header) is not { } text)
            return null;
        return PayloadTypes.TryParse(Encoding.UTF8.GetBytes(text), out var type)
            ? type
            : throw RequestException.Malformed(header, $"'{header}' is '{RequestException.Shown(text)}'; expected {PayloadTypes.Names}.");
    }

    private static string? One(HttpRequest request, string header)
    {
        var values = request.Headers[header];
        return values.Count switch
        {
            0 => null,
            1 => values[0],
            _ => throw JsonFields.Twice(header),
        };
    }

    private static void Refuse(HttpRequest request, Func<string, bool> isMisplaced, string place)
    {
        foreach ((var name, _) in request.Headers)
        {
            if (isMisplaced(name))
                throw RequestException.Malformed(name, $"The header '{name}' has no meaning with this body: it is {place}.");
        }
    }
}
