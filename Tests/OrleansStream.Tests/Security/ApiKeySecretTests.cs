using OrleansStream.Security;

namespace OrleansStream.Tests.Security;

public sealed class ApiKeySecretTests
{
    [Fact]
    public void Create_MakesAKeyThatIsReadBackAndNeverShownByMistake()
    {
        var key = ApiKeySecret.Create();

        Assert.True(ApiKeySecret.TryParse(key.Reveal(), out var read));
        Assert.Equal(key, read);
        Assert.DoesNotContain(key.Secret, $"{key}", StringComparison.Ordinal);
        Assert.NotEqual(key.Secret, ApiKeySecret.Create().Secret);
        Assert.Equal(256 / 4, key.Secret.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("os_")]
    [InlineData("os_a_")]
    [InlineData("os__{0}")]
    [InlineData("os_a_{0}0")]
    [InlineData("OS_a_{0}")]
    [InlineData("os_A_{0}")]
    [InlineData("os_a b_{0}")]
    [InlineData(" os_a_{0}")]
    [InlineData("os_a_{0} ")]
    [InlineData("os_ä_{0}")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public void TryParse_WhenItIsNoKey_SaysSo(string form) =>
        Assert.False(ApiKeySecret.TryParse(form.Replace("{0}", new string('0', ApiKeySecret.SecretLength), StringComparison.Ordinal), out _));

    [Fact]
    public void HashOf_WhenItIsNoSecret_IsTheHashOfNone() =>
        Assert.NotEqual(ApiKeySecret.HashOf(new string('0', ApiKeySecret.SecretLength)),
            ApiKeySecret.HashOf(new string('0', ApiKeySecret.SecretLength + 1)));
}
