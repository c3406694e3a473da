using System.Buffers;

namespace OrleansStream.Storage;

/// <summary>The names in both stores. Every implementation checks them here.</summary>
internal static class StoreNames
{
    private static readonly SearchValues<char> PartCharacters =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");

    /// <summary>Throws when the name is not one or more valid parts joined by <c>/</c>.</summary>
    /// <exception cref="ArgumentException">The name is not valid.</exception>
    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > StoreNameLimits.NameLengthMax || !AreParts(name))
        {
            throw new ArgumentException(
                $"'{name}' is not a store's name. A name is parts of [0-9a-zA-Z.-], at most {StoreNameLimits.PartLengthMax} characters each and "
                + $"{StoreNameLimits.NameLengthMax} in all, joined by '/'; no part is '.' or '..'.", nameof(name));
        }
    }

    /// <summary>Throws when the prefix is neither empty nor valid parts, each ended by <c>/</c>.</summary>
    /// <exception cref="ArgumentException">The prefix is not valid.</exception>
    public static void CheckPrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Length == 0)
            return;
        if (prefix.Length > StoreNameLimits.NameLengthMax || prefix[^1] != '/' || !AreParts(prefix.AsSpan(0, prefix.Length - 1)))
            throw new ArgumentException($"'{prefix}' is not a prefix. A prefix is whole name parts, each ended by '/'.", nameof(prefix));
    }

    /// <summary>Throws when an append's arguments are outside the store's bounds.</summary>
    /// <exception cref="ArgumentException">The name is not valid, or there are no bytes or too many.</exception>
    public static void CheckAppend(string name, long expectedPosition, int length, SegmentStoreLimits limits)
    {
        Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(expectedPosition);
        if (length == 0 || length > limits.AppendBytesMax)
            throw new ArgumentException($"An append carries 1 to {limits.AppendBytesMax} bytes, not {length}.");
    }

    /// <summary>Throws when a document's arguments are outside the stores' bounds.</summary>
    /// <exception cref="ArgumentException">The name is not valid, or there are too many bytes.</exception>
    public static void CheckDocument(string name, int length)
    {
        Check(name);
        if (length > DocumentStoreLimits.DocumentBytesMax)
        {
            throw new ArgumentException(
                $"A document has at most {DocumentStoreLimits.DocumentBytesMax} bytes, not {length}.");
        }
    }

    /// <summary>
    /// The stored form of a name: dots at the end of a part become <c>_</c>, which no name contains. Azure advises against blob names with such dots,
    /// and Windows drops them, so that two names would be one file.
    /// </summary>
    public static string ToStored(string name) => ReplaceAtPartEnds(name, '.', '_');

    /// <summary>The name whose stored form is given, as <see cref="ToStored"/> made it.</summary>
    public static string FromStored(string stored) => ReplaceAtPartEnds(stored, '_', '.');

    /// <summary>Whether the text is valid parts joined by <c>/</c>. Such a text cannot lead out of a folder.</summary>
    public static bool AreParts(ReadOnlySpan<char> text)
    {
        foreach (var range in text.Split('/'))
        {
            var part = text[range];
            if (part.Length is 0 or > StoreNameLimits.PartLengthMax || part.ContainsAnyExcept(PartCharacters) || part is "." or "..")
                return false;
        }

        return true;
    }

    private static string ReplaceAtPartEnds(string text, char from, char to)
    {
        if (!text.EndsWith(from) && !text.Contains($"{from}/", StringComparison.Ordinal))
            return text;
        var characters = text.ToCharArray();
        var endsPart = true;
        for (var i = characters.Length - 1; i >= 0; i--)
        {
            if (endsPart && characters[i] == from)
                characters[i] = to;
            else
                endsPart = characters[i] == '/';
        }

        return new string(characters);
    }
}
