using System.Diagnostics;

namespace OrleansStream.Comparison.Driving;

/// <summary>Sends a number of requests and waits for their answers: what a measurement stands on.</summary>
internal static class Filler
{
    private const int PollMs = 50;
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(3);

    /// <summary>Fills.</summary>
    /// <param name="plan">Where and with what; how long it takes is not looked at.</param>
    /// <param name="requests">How many requests.</param>
    /// <returns>What was answered for.</returns>
    /// <exception cref="UnexpectedAnswerException">An answer was no success, or did not come in three minutes.</exception>
    public static Tally Fill(LoadPlan plan, long requests)
    {
        using var connections = new ConnectionSet(plan);
        var tally = new Tally();
        long begun = 0;
        var began = Stopwatch.GetTimestamp();
        while (tally.Answers < requests)
        {
            if (Stopwatch.GetElapsedTime(began) > WaitMax)
                throw new UnexpectedAnswerException($"{tally.Answers} of {requests} answers came in {WaitMax.TotalMinutes:F0} minutes.");
            begun += connections.Send(requests - begun);
            connections.Receive(tally, PollMs);
        }

        return tally;
    }
}
