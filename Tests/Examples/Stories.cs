using OrleansStream.Client;

namespace OrleansStream.Examples;

/// <summary>Plays a story with data that it makes up, and tells what happens.</summary>
/// <param name="client">The client.</param>
/// <param name="output">Is told.</param>
/// <param name="stop">Ends the story early.</param>
public delegate Task Story(OrleansStreamClient client, TextWriter output, CancellationToken stop);

/// <summary>The seven stories, by name.</summary>
public static class Stories
{
    /// <summary>The stories. Each makes its topics itself; one that is played again goes on with them.</summary>
    public static IReadOnlyDictionary<string, Story> All { get; } = new SortedDictionary<string, Story>(StringComparer.Ordinal)
    {
        ["matches"] = MatchUpdates.PlayAsync,
        ["transcoding"] = Transcoding.PlayAsync,
        ["waiting-room"] = WaitingRoom.PlayAsync,
        ["contest"] = Contest.PlayAsync,
        ["ad-clicks"] = AdClicks.PlayAsync,
        ["comments"] = CommentWall.PlayAsync,
        ["crawler"] = Crawler.PlayAsync,
    };
}
