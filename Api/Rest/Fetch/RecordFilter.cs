using System.Buffers;
using System.Text;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Fetch;

/// <summary>Which records of a read are wanted: all that is set must hold. It looks at each record, and finds none without looking.</summary>
internal sealed class RecordFilter
{
    /// <summary>The query parameters, in the order in which a malformed one is told.</summary>
    public static readonly string[] Names = ["key_contains", "value_contains", "header", "json"];

    // A character that was split between two pieces comes with the second.
    private const int DecodedLengthMax = FetchLimits.FilterPieceLength + 1;

    // The texts to be found are in upper case.
    private readonly string? _key;
    private readonly string? _value;
    private readonly string? _headerName;
    private readonly string? _headerValue;
    private readonly JsonCondition? _json;
    private readonly CancellationToken _ended;

    private RecordFilter(string? key, string? value, string? header, string? json, CancellationToken ended)
    {
        (_key, _value, _ended) = (key?.ToUpperInvariant(), value?.ToUpperInvariant(), ended);
        if (header is not null)
        {
            var parts = header.Split('=', 2, StringSplitOptions.TrimEntries);
            _headerName = parts[0].Length > 0 ? parts[0] : throw RequestException.Malformed(Names[2], "'header' has no name; expected name or name=value.");
            _headerValue = parts.Length > 1 ? parts[1].ToUpperInvariant() : null;
        }

        _json = json is null ? null : JsonCondition.Parse(Names[3], json);
    }

    /// <summary>Reads the filter of a request.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Null when it asks for all records.</returns>
    /// <exception cref="RequestException">A parameter is empty, too long, or cannot be understood.</exception>
    public static RecordFilter? Read(HttpContext context)
    {
        string?[] texts = [.. Names.Select(name => ReadText(context, name))];
        return texts.All(text => text is null) ? null : new RecordFilter(texts[0], texts[1], texts[2], texts[3], context.RequestAborted);
    }

    /// <summary>Whether a record is wanted.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public bool Takes(in RecordView record) =>
        (_key is null || (record.HasKey && Contains(record.Key, _key)))
        && (_headerName is null || HasHeader(record))
        && (_value is null || (record.HasValue && Contains(record.Value, _value)))
        && (_json is null || (record.HasValue && _json.Holds(record.Value)));

    private static string? ReadText(HttpContext context, string name)
    {
        if (Parameters.Text(context, name) is not { } text)
            return null;
        return text.Length is > 0 and <= FetchLimits.FilterLengthMax
            ? text
            : throw RequestException.Malformed(name, $"'{name}' has {text.Length} characters; expected 1 to {FetchLimits.FilterLengthMax}.");
    }

    private bool HasHeader(in RecordView record)
    {
        if (record.HeaderCount == 0)
            return false;
        foreach (var header in record.Headers)
        {
            var isNamed = Encoding.UTF8.GetString(header.Key).Equals(_headerName, StringComparison.OrdinalIgnoreCase);
            if (isNamed && (_headerValue is null || (header.HasValue && Contains(header.Value, _headerValue))))
                return true;
        }

        return false;
    }

    // Piece by piece, so that a large record takes no more memory than a small one. A piece begins with the end of the one before, in which the text
    // may have begun. Upper case is compared, for this is the same as to ignore the case, and takes time only by the length of the bytes.
    private bool Contains(ReadOnlySpan<byte> bytes, string upperText)
    {
        // UTF-8 has at least a byte for each UTF-16 unit.
        if (bytes.Length < upperText.Length)
            return false;
        var room = ArrayPool<char>.Shared.Rent(DecodedLengthMax + DecodedLengthMax + upperText.Length);
        try
        {
            var chars = room.AsSpan(0, DecodedLengthMax);
            var upper = room.AsSpan(DecodedLengthMax);
            if (bytes.Length <= FetchLimits.FilterPieceLength)
                return IsIn(upper[..chars[..Encoding.UTF8.GetChars(bytes, chars)].ToUpperInvariant(upper)], upperText);
            var decoder = Encoding.UTF8.GetDecoder();
            for (var kept = 0; !bytes.IsEmpty;)
            {
                _ended.ThrowIfCancellationRequested();
                var piece = bytes[..Math.Min(bytes.Length, FetchLimits.FilterPieceLength)];
                bytes = bytes[piece.Length..];
                var count = decoder.GetChars(piece, chars, flush: bytes.IsEmpty);
                var end = kept + chars[..count].ToUpperInvariant(upper[kept..]);
                if (IsIn(upper[..end], upperText))
                    return true;
                kept = Math.Min(end, upperText.Length - 1);
                upper.Slice(end - kept, kept).CopyTo(upper);
            }

            return false;
        }
        finally
        {
            ArrayPool<char>.Shared.Return(room);
        }
    }

    private static bool IsIn(ReadOnlySpan<char> upper, string upperText) => upper.Contains(upperText, StringComparison.Ordinal);
}
