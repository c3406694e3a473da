using System.Globalization;

namespace OrleansStream.Log.Format;

/// <summary>
/// The name of a segment: <c>{log}/{baseOffset:D20}-{epoch:D8}-{guid}.log</c>. The base offset comes first, so that a listing is in the log's order.
/// The random end makes each name unique: an owner never takes another owner's segment, or one whose create lost its reply, for its own.
/// </summary>
internal static class SegmentName
{
    private const string Extension = ".log";

    public static string Make(string log, long baseOffset, int epoch, Guid id) =>
        string.Create(CultureInfo.InvariantCulture, $"{log}/{baseOffset:D20}-{epoch:D8}-{id:N}{Extension}");

    /// <summary>The epoch in a segment's name; null when the name is not a segment's.</summary>
    public static int? EpochOf(string name)
    {
        var file = name.AsSpan(name.LastIndexOf('/') + 1);
        return file.Length > 30 && file.EndsWith(Extension, StringComparison.Ordinal) && file[20] == '-'
            && int.TryParse(file.Slice(21, 8), NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            ? epoch
            : null;
    }

    public static string IndexOf(string segment) => segment[..^Extension.Length] + ".index";

    public static string ProducersOf(string segment) => segment[..^Extension.Length] + ".producers";

    public static string ManifestOf(string log) => log + "/manifest.json";
}
