using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>The joins and syncs that wait, by their tickets, and the answers of this step.</summary>
internal sealed class WaitingCalls
{
    private readonly Dictionary<long, LiveMember> _tickets = [];
    private readonly List<ClassicDelivery> _answers = [];

    /// <summary>Has a join wait.</summary>
    /// <param name="ticket">The call's number.</param>
    /// <param name="member">In whose name it waits.</param>
    public void ParkJoin(long ticket, LiveMember member)
    {
        member.JoinTicket = ticket;
        _tickets.Add(ticket, member);
    }

    /// <summary>Has a sync wait.</summary>
    /// <inheritdoc cref="ParkJoin"/>
    public void ParkSync(long ticket, LiveMember member)
    {
        member.SyncTicket = ticket;
        _tickets.Add(ticket, member);
    }

    /// <summary>Forgets a call that waits.</summary>
    /// <param name="ticket">The call's number.</param>
    /// <returns>In whose name it waited; null when it did not.</returns>
    public LiveMember? Abandon(long ticket)
    {
        if (!_tickets.Remove(ticket, out var member))
            return null;
        member.JoinTicket = member.JoinTicket == ticket ? null : member.JoinTicket;
        member.SyncTicket = member.SyncTicket == ticket ? null : member.SyncTicket;
        return member;
    }

    /// <summary>Answers a join, whether it has waited or not.</summary>
    /// <param name="ticket">The call's number.</param>
    /// <param name="answer">The answer.</param>
    public void Answer(long ticket, JoinAnswer answer)
    {
        if (_tickets.Remove(ticket, out var member))
            member.JoinTicket = null;
        _answers.Add(new JoinDelivery(ticket, answer));
    }

    /// <summary>Answers a sync, whether it has waited or not.</summary>
    /// <param name="ticket">The call's number.</param>
    /// <param name="answer">The answer.</param>
    public void Answer(long ticket, SyncAnswer answer)
    {
        if (_tickets.Remove(ticket, out var member))
            member.SyncTicket = null;
        _answers.Add(new SyncDelivery(ticket, answer));
    }

    /// <summary>Refuses a join.</summary>
    /// <param name="ticket">The call's number.</param>
    /// <param name="member">The member's id, which may be new to it.</param>
    /// <param name="refusal">Why it failed or was refused.</param>
    public void RefuseJoin(long ticket, string member, GroupRefusal refusal) =>
        Answer(ticket, new JoinAnswer(refusal, member, Generation: -1, ProtocolType: null, Protocol: null, Leader: "", []));

    /// <summary>Refuses a sync.</summary>
    /// <param name="ticket">The call's number.</param>
    /// <param name="refusal">Why it failed or was refused.</param>
    public void RefuseSync(long ticket, GroupRefusal refusal) => Answer(ticket, new SyncAnswer(refusal, ProtocolType: null, Protocol: null, default));

    /// <summary>Takes the answers of the step.</summary>
    public ImmutableArray<ClassicDelivery> TakeAnswers()
    {
        ImmutableArray<ClassicDelivery> answers = [.. _answers];
        _answers.Clear();
        return answers;
    }
}
