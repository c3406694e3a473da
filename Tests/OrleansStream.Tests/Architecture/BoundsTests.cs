using System.Text.RegularExpressions;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Who looks for a bound finds it in a file of limits, and not beside the code that keeps it.</summary>
public sealed partial class BoundsTests
{
    // The values of formats and protocols, which nobody chose as a bound here.
    private static readonly string[] Formats =
    [
        // The least bytes of a part of a Kafka message, by its schema.
        "Api/Kafka/Messages/Acls.cs BytesMin",
        // RFC 3339's texts: their length, and the last time that they can express.
        "Api/Contracts/TimestampText.cs LengthBytes", "Api/Contracts/TimestampText.cs MsMax",
        // The record batch's fields.
        "Grains.Interfaces/Records/FenceBatch.cs LengthBytes", "Grains.Interfaces/Records/RecordBatchHeader.cs HeaderLengthBytes",
        "Grains.Interfaces/Records/RecordBatchHeader.cs LogOverheadBytes",
        // The ranges that tell kinds of producers apart.
        "Grains.Interfaces/Producers/ProducerIdRanges.cs ClientMin", "Grains.Interfaces/Producers/ProducerIdRanges.cs DerivedMin",
        "Grains.Interfaces/Producers/ProducerIdRanges.cs ServiceMin",
        // The first line of a document's file.
        "Grains/Storage/Files/Documents/DocumentFile.cs HeaderBytesMax",
        // Kafka's "no timestamp".
        "Grains/Topics/Routing/TopicView.cs TimestampMsMin",
    ];

    [Fact]
    public void Bounds_AreInFilesOfLimits()
    {
        (string Name, string Text)[] files = [.. new[] { "Api", "Grains", "Grains.Interfaces", "Silo" }
            .SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !BuildOutput().IsMatch(file))
            .Select(file => (Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'), File.ReadAllText(file)))];
        var elsewhere = files.Where(file => !file.Name.EndsWith("Limits.cs", StringComparison.Ordinal))
            .SelectMany(file => Bound().Matches(file.Text).Select(found => $"{file.Name} {found.Groups["name"].Value}"))
            .Distinct().Order(StringComparer.Ordinal);

        Assert.True(files.Count(file => Bound().IsMatch(file.Text)) > 40, "The files of limits were not found.");
        Assert.Equal(Formats.Order(StringComparer.Ordinal), elsewhere);
    }

    [Fact]
    public void ClassesOfLimits_AreInFilesOfTheirName() => Assert.Empty(
        new[] { "Api", "Grains", "Grains.Interfaces", "Silo" }
            .SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !BuildOutput().IsMatch(file))
            .SelectMany(file => Limits().Matches(File.ReadAllText(file)).Select(found => (Class: found.Groups["name"].Value, File: file)))
            .Where(one => Path.GetFileNameWithoutExtension(one.File) != one.Class).Select(one => $"{one.Class} is in {one.File}"));

    // The log refers to nothing of the partitions' contracts, so it has these bounds of its own. Who keeps to the contract must meet no lower one.
    [Fact]
    public void BoundsOfAFetch_AreTheSameAtThePartitionAndInItsLog()
    {
        Assert.Equal(PartitionLimits.FetchBytesMax, LogLimits.FetchBytesMax);
        Assert.Equal(TimeSpan.FromMilliseconds(PartitionLimits.FetchWaitMsMax), LogLimits.FetchWaitMax);
    }

    // A constant that others see and whose name is a bound's, and every time: a time that others see is a bound, whatever its name.
    [GeneratedRegex(
        @"^\s*(public|internal)\s+((const|static\s+readonly)\s+\w+\s+(?<name>\w*(Max|Min|Bytes|Timeout|Period))|static\s+readonly\s+TimeSpan\s+(?<name>\w+))\s*=",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Bound();

    [GeneratedRegex(@"\bclass\s+(?<name>\w+Limits)\b", RegexOptions.ExplicitCapture)]
    private static partial Regex Limits();

    [GeneratedRegex(@"[/\\](bin|obj|node_modules)[/\\]")]
    private static partial Regex BuildOutput();
}
