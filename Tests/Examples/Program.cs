using OrleansStream.Client;

namespace OrleansStream.Examples;

/// <summary>
/// Plays one of the stories against a service: <c>dotnet run --project Tests/Examples -- crawler http://localhost:8080</c>.
/// </summary>
internal static class Program
{
    private const string DefaultAddress = "http://localhost:8080";
    private const int WrongUsage = 64;

    private static async Task<int> Main(string[] arguments)
    {
        if (arguments.Length is 0 or > 2 || !Stories.All.TryGetValue(arguments[0], out var story))
        {
            await Console.Error.WriteLineAsync($"Usage: {string.Join('|', Stories.All.Keys)} [{DefaultAddress}]");
            return WrongUsage;
        }

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        await using var client = new OrleansStreamClient(arguments.Length > 1 ? arguments[1] : DefaultAddress);
        await story(client, Console.Out, stop.Token);
        return 0;
    }
}
