using System.Collections.Immutable;
using System.Text;
using System.Text.Unicode;

namespace OrleansStream.Topics;

/// <summary>The text of the setting <c>hot.keys</c>: keys separated by commas.</summary>
public static class HotKeyNames
{
    /// <summary>The setting's name.</summary>
    public const string Setting = "hot.keys";

    private const char Separator = ',';

    /// <summary>
    /// Whether the list can contain a key, which must be UTF-8 text of at most <see cref="TopicLimits.HotKeyBytesMax"/> bytes without commas.
    /// </summary>
    /// <param name="key">The key's bytes.</param>
    public static bool CanName(byte[] key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Length is > 0 and <= TopicLimits.HotKeyBytesMax && !key.AsSpan().Contains((byte)Separator) && Utf8.IsValid(key);
    }

    /// <summary>Reads a list.</summary>
    /// <param name="text">The setting's text; empty for none.</param>
    /// <returns>The keys in their order; null when the list is not valid.</returns>
    public static ImmutableArray<string>? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
            return [];
        var keys = text.Split(Separator);
        var isValid = keys.Length <= TopicLimits.HotKeysMax
            && keys.Distinct(StringComparer.Ordinal).Count() == keys.Length
            && keys.All(key => key.Length > 0 && Encoding.UTF8.GetByteCount(key) <= TopicLimits.HotKeyBytesMax);
        return isValid ? [.. keys] : null;
    }

    /// <summary>Writes a list.</summary>
    /// <param name="keys">Keys that <see cref="CanName"/> allows.</param>
    public static string Format(IEnumerable<string> keys) => string.Join(Separator, keys);
}
