using System.Text;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Storage;

/// <summary>One segment in such a folder.</summary>
public abstract class FaultySegmentRig : FaultyFolderRig
{
    private protected const string Name = "topic/0/a.log";

    private protected FaultySegmentRig(bool tracksPowerLoss = false)
        : base(tracksPowerLoss)
    {
    }

    private protected ISegmentStore Store => Data.Segments;

    private protected string DataPath => Path.Join(Folder.Path, "segments", Name);

    private protected async Task NewAsync(params string[] appends)
    {
        Assert.True(await Store.CreateAsync(Name, Cancellation));
        long position = 0;
        foreach (var text in appends)
            position = (await AppendAsync(position, text)).Length;
    }

    private protected ValueTask<AppendOutcome> AppendAsync(long position, string text) =>
        Store.AppendAsync(Name, position, Encoding.UTF8.GetBytes(text), Cancellation);

    private protected async Task<string> TextAsync()
    {
        var bytes = new byte[100];
        return Encoding.UTF8.GetString(bytes, 0, await Store.ReadAsync(Name, 0, bytes, Cancellation));
    }
}
