using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Security;

/// <summary>Signing in by keys, on a clock of the test's.</summary>
public sealed class KeySignInTests : IDisposable
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    private static readonly ApiKeySecret Secret = ApiKeySecret.Create() with { Id = "crawler-1" };

    private readonly FakeTimeProvider _time = new();
    private readonly FailedSignIns _failures;
    private readonly SecurityOptions _options = new() { ApiKeys = true, BootstrapKey = $"os_bootstrap_{new string('b', ApiKeySecret.SecretLength)}" };
    private readonly AccessRules _rules;
    private readonly KeySignIn _keys;
    private ApiKey? _key;
    private int _freshReads;

    public KeySignInTests()
    {
        _failures = new FailedSignIns(_time, NullLogger<FailedSignIns>.Instance);
        _key = new ApiKey(Secret.Id, "crawler", ApiKeySecret.HashOf(Secret.Secret), AccessRole.DataSender, _time.GetUtcNow(),
            _time.GetUtcNow().AddHours(1), LastUsedAt: null);
        var version = 0;
        var grain = Answering.By<IAccessGrain>((method, arguments) =>
        {
            if (method.Name != nameof(IAccessGrain.ReadAsync))
                return default(ValueTask);
            _freshReads += (bool)arguments[1]! ? 1 : 0;
            return new ValueTask<AccessRulesResponse>(new AccessRulesResponse($"{version++}", new StoredAccess(_key is null ? [] : [_key], [])));
        });
        _rules = new AccessRules(Answering.By<IGrainFactory>((_, _) => grain), Options.Create(_options), _time, NullLogger<AccessRules>.Instance);
        _keys = new KeySignIn(_rules, Options.Create(_options), _failures, _time);
    }

    public void Dispose()
    {
        _rules.Dispose();
        _failures.Dispose();
    }

    [Fact]
    public async Task Key_ByItselfOrByIdAndSecret_IsItsName()
    {
        Assert.Equal("key:crawler", $"{await SignInAsync(Secret.Reveal())}");
        Assert.Equal("key:crawler", $"{await _keys.SignInAsync(Secret.Id, Secret.Secret, Here, default)}");
        var bootstrap = await SignInAsync(_options.BootstrapKey!);
        Assert.Equal([AccessRole.Admin], bootstrap.Roles);
    }

    [Fact]
    public async Task Key_WhenItDoesNotHold_IsRefusedWithoutAReason()
    {
        string[] wrong =
        [
            "", "os_", Secret.Reveal()[..^1], Secret.Reveal() + "0", $"os_{Secret.Id}_{new string('0', ApiKeySecret.SecretLength)}", $"os_crawler-2_{Secret.Secret}",
            $"os_bootstrap_{Secret.Secret}",
        ];

        foreach (var text in wrong)
            Assert.Equal("There is no such key, or it has expired or was revoked.", (await RefusalOfAsync(InTimeAsync(SignInAsync(text)))).Detail);
        var shouted = _keys.SignInAsync(Secret.Id, Secret.Secret.ToUpperInvariant(), Here, default).AsTask();
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, (await RefusalOfAsync(InTimeAsync(shouted))).Code);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, (await RefusalOfAsync(SignInAsync(Secret.Reveal()))).Code);
    }

    [Fact]
    public async Task Key_WhenKeysAreNotTaken_IsRefused()
    {
        (_options.ApiKeys, _options.BootstrapKey) = (false, null);

        Assert.Equal(StreamErrorCode.SaslAuthenticationFailed, (await RefusalOfAsync(SignInAsync(Secret.Reveal()))).Code);
    }

    // A key that was created at another node is taken at once here, and whoever invents keys costs the store no more than one reading a second.
    [Fact]
    public async Task Key_ThatIsNotKnownYet_WaitsForTheNextReadingOfTheStoreWhichIsOnceASecondAtMost()
    {
        (var key, _key) = (_key, null);
        await Assert.ThrowsAsync<StreamException>(() => SignInAsync(Secret.Reveal()));
        _key = key;
        Task[] waiting = [.. Enumerable.Range(0, 5).Select(_ => SignInAsync(Secret.Reveal()))];
        Assert.DoesNotContain(waiting, one => one.IsCompleted);
        Assert.Equal(1, _freshReads);

        _time.Advance(SignInLimits.UnknownKeyPause);
        await Task.WhenAll(waiting);
        Assert.Equal(2, _freshReads);
    }

    [Fact]
    public async Task Key_WithTheIdOfOneThatWasRevoked_IsTakenAtOnce()
    {
        await SignInAsync(Secret.Reveal());
        var again = ApiKeySecret.Create() with { Id = Secret.Id };
        _key = _key! with { Hash = ApiKeySecret.HashOf(again.Secret) };

        Assert.Equal("key:crawler", $"{await SignInAsync(again.Reveal())}");
    }

    [Fact]
    public async Task Failures_OfOneAddress_AreAnsweredSlower_AndWhoeverSignsInRightlyIsNot()
    {
        for (var i = 0; i < SignInLimits.FailuresAnsweredAtOnceMax; i++)
            await Assert.ThrowsAsync<StreamException>(() => SignInAsync("os_"));

        var slowed = SignInAsync("os_");
        Assert.False(slowed.IsCompleted);
        await SignInAsync(Secret.Reveal());
        await Assert.ThrowsAsync<StreamException>(() => _keys.SignInAsync("os_", IPAddress.Parse("192.0.2.2"), default).AsTask());
        _time.Advance(SignInLimits.FailurePause);
        await Assert.ThrowsAsync<StreamException>(() => slowed);

        _time.Advance(SignInLimits.FailureWindow);
        await Assert.ThrowsAsync<StreamException>(() => SignInAsync("os_"));
    }

    private Task<Principal> SignInAsync(string text) => _keys.SignInAsync(text, Here, TestContext.Current.CancellationToken).AsTask();

    // Lets as much time pass as it takes.
    private async Task InTimeAsync(Task signIn)
    {
        await Wait.UntilAsync("the sign-in has ended", () =>
        {
            if (!signIn.IsCompleted)
                _time.Advance(SignInLimits.UnknownKeyPause);
            return signIn.IsCompleted;
        });
        await signIn;
    }

    private static async Task<StreamError> RefusalOfAsync(Task signIn) => (await Assert.ThrowsAsync<StreamException>(() => signIn)).Error;
}
