using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using OrleansStream.Gateway.Groups;
using OrleansStream.Log;
using OrleansStream.Records;

namespace OrleansStream.Tests.Architecture;

/// <summary>
/// What the grains, the core and the gateway say is said at every door, so it names nothing, and advises nothing, that only one door has.
/// </summary>
public sealed partial class CoreTextTests
{
    [Theory]
    [InlineData(typeof(RecordBatchHeader))]
    [InlineData(typeof(PartitionLog))]
    public void Texts_NameNothingOfOneDoor(Type ofProject)
    {
        string[] texts = [.. Texts(ofProject.Assembly.Location)];

        Assert.True(texts.Length > 100, "The texts were not found.");
        Assert.DoesNotContain(texts, text => WordOfADoor().IsMatch(text) || OperationOfTheGateway().IsMatch(text));
    }

    // Polls and cursors are the gateway's own; how a door asks for them is not. A name by itself is a field's, by which doors word their advice.
    [Fact]
    public void TextsOfTheGateway_AdviseNothingOfOneDoor()
    {
        string[] texts = [.. Texts(typeof(ConsumerGroups).Assembly.Location).Where(text => text.Contains(' ', StringComparison.Ordinal))];

        Assert.True(texts.Length > 50, "The texts were not found.");
        Assert.DoesNotContain(texts, text => WordOfADoor().IsMatch(text) || Request().IsMatch(text));
    }

    private static IEnumerable<string> Texts(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        var handle = MetadataTokens.UserStringHandle(0);
        while ((handle = metadata.GetNextHandle(handle)) is { IsNil: false })
            yield return metadata.GetUserString(handle);
    }

    [GeneratedRegex(@"\b(HTTP|REST|URL|JSON|GET|PUT|POST|PATCH|DELETE|If-Match|Idempotency-Key|Last-Event-ID|query|ndjson|max_records|lease_ms)\b|/v1/|content type")]
    private static partial Regex WordOfADoor();

    [GeneratedRegex(@"\b([Pp]oll(s|ed)?|cursor)\b")]
    private static partial Regex OperationOfTheGateway();

    [GeneratedRegex(@"\bPoll (again|with)")]
    private static partial Regex Request();
}
